"""Check-ins and evidence that pass everything, to be changed in one thing at a time."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

from hadir.attendance.policy import Policy
from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Position, Received
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Evidence,
    FaceFinding,
    PhotoFinding,
    Place,
    ShiftWindow,
)
from hadir.core.verdict import Outcome, Reason

ACCEPTED, REVIEW, REJECTED = Outcome.ACCEPTED, Outcome.REVIEW, Outcome.REJECTED
POLICY = Policy("test", "1", date(2026, 1, 1))
NOW_MS = 1_790_000_000_000
MINUTE_MS, HOUR_MS = 60_000, 3_600_000
KEY = "unit/2026-09-21/day"
AGREES = AppliedThreshold(1e-2, "1/1", 0.35, "pack")
USABLE = PhotoFinding(None)


def below(value: float) -> float:
    return math.nextafter(value, -math.inf)


def above(value: float) -> float:
    return math.nextafter(value, math.inf)


def claim(channel: Channel = Channel.FACE, direction: Direction = Direction.IN, **changes: object) -> Received:
    fix = Fix(-9.4, 113.4, 20.0, mock=False) if channel is Channel.FACE else None
    check_in = CheckIn("id", "a", direction, channel, NOW_MS, fix, (b"photo",) if channel is Channel.FACE else ())
    check_in = replace(check_in, **changes)  # type: ignore[arg-type]  # any field of a check-in
    return Received("id", "a", Position(0, 0), NOW_MS, "00", check_in, None, direction, channel)


def finding(
    similarity: float = 0.9, others: tuple[Candidate, ...] = (Candidate("b", 0.2, 3), Candidate("c", 0.1, 3))
) -> FaceFinding:
    claimed = Candidate("a", similarity, 3)
    return FaceFinding((USABLE,), 1, None, True, claimed, others, None, "space", "snapshot")


def evidence(face: FaceFinding | None = None, **changes: object) -> Evidence:
    good = Evidence(
        received_at_ms=NOW_MS,
        on_roster=True,
        face=face or finding(),
        accept=AppliedThreshold(1e-3, "1/3", 0.5, "snapshot"),
        review=AppliedThreshold(1e-2, "1/3", 0.4, "snapshot"),
        identify=AppliedThreshold(1e-4, "1/3", 0.6, "pack"),
        identify_margin=0.02,
        place=Place("site", 30.0, 50.0),
        shift=ShiftWindow(KEY, 0),
        shift_key=KEY,
    )
    return replace(good, **changes)  # type: ignore[arg-type]  # any field of the evidence


def photos(*codes: Reason | None) -> FaceFinding:
    usable = codes.count(None)
    return replace(
        finding(),
        photos=tuple(PhotoFinding(code) for code in codes),
        usable=usable,
        claimed=Candidate("a", 0.9, 3) if usable else None,
        others=(),
    )


def impostor(claimed: float, best: float, second: float = 0.1, synthetic: bool = False) -> FaceFinding:
    return finding(claimed, (Candidate("b", best, 3, synthetic), Candidate("c", second, 3)))


def pair(agreement: float | None) -> FaceFinding:
    return replace(finding(), photos=(USABLE, USABLE), usable=2, agreement=agreement)


FIX = Fix(-9.4, 113.4, 20.0, mock=False)
NO_SHIFT = evidence(shift=None, shift_key="unit/2026-09-21/")
FINGERPRINT = claim(Channel.FINGERPRINT)
PAPER = claim(Channel.PAPER)
MACHINE = replace(evidence(), face=None, accept=None, review=None, identify=None, identify_margin=None, place=None)
INVALID = Received("id", "a", Position(0, 0), NOW_MS, "00", None, "photos")
OUT = claim(direction=Direction.OUT)
