"""The demo's check-ins, each with the verdict that it must get: written down before anything is looked at."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import eq

import msgspec
import numpy as np
from numpy.typing import NDArray

from hadir.app.demo_people import RealPerson
from hadir.app.variation import encode_jpeg, vary
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.codec import encode_check_in

__all__ = ["SITE", "UNITS", "Cast", "Expected", "Planned", "plan"]

SITE = (-8.1722, 113.7001)
"""The demo's town hall: somewhere in the middle of Jember."""

METRES_PER_DEGREE = 111_195.0
"""One degree of latitude on a sphere of 6,371 km."""

UNITS = ("disdik", "puskesmas", "kecamatan")
"""On time today; twelve minutes late and leaving early; no shift open."""

Reasoned = tuple[Outcome, Reason]

_MOST_TRIES = 20
_TWO_DAYS_MS = 2 * 86_400_000


@dataclass(frozen=True, slots=True)
class Expected:
    """What must become of an id: outcome and first reason of its one row."""

    id: str
    outcome: Outcome
    reason: str


@dataclass(frozen=True, slots=True)
class Planned:
    """One record to send. `expected` is None for what must leave no row: a repeated id, or noise."""

    key: str
    value: bytes
    expected: Expected | None
    label: str


@dataclass(frozen=True, slots=True)
class Cast:
    """Who and where: `enrolled` have templates, `stranger` is on the roster without one, `unit` maps person to one of
    UNITS, `crowd` is a photo of several people if one can be made, `now_ms` the moment around which shifts were laid.

    `usable` says whether a selfie would be good enough to be compared, whoever it shows. `alike` tells two people whom
    the pack hardly tells apart: what becomes of one who signs for the other is luck, so nobody plays that.
    """

    enrolled: Sequence[RealPerson]
    stranger: RealPerson
    unit: dict[str, str]
    crowd: NDArray[np.uint8] | None
    now_ms: int
    rng: np.random.Generator
    usable: Callable[[bytes], bool] = bool
    alike: Callable[[str, str], bool] = eq


def plan(cast: Cast) -> list[Planned]:
    """All records of the demo in the order in which they are sent."""
    drafts = [draft for make, times in _SCRIPT for _ in range(times) for draft in make(cast)]
    order = cast.rng.permutation(len(drafts))
    return list(_settle([drafts[i] for i in order]))


@dataclass(frozen=True, slots=True)
class _Draft:
    check_in: CheckIn
    verdict: Reasoned
    label: str
    mismatch: bool = False
    raw: bytes | None = None
    copies: tuple[str, ...] = ()
    again: CheckIn | None = None


def _settle(drafts: list[_Draft]) -> Iterator[Planned]:
    """Give each draft its final expectation in sending order: the third face that matches nobody goes to a human."""
    mismatches: dict[tuple[str, str], int] = defaultdict(int)
    for draft in drafts:
        check_in, (outcome, reason) = draft.check_in, draft.verdict
        line = (check_in.person, check_in.direction.value)
        if draft.mismatch:
            outcome = Outcome.REVIEW if mismatches[line] >= 2 else Outcome.REJECTED
            mismatches[line] += 1
        elif outcome is Outcome.ACCEPTED:
            mismatches[line] = 0
        value = draft.raw if draft.raw is not None else encode_check_in(check_in)
        yield Planned(check_in.person, value, Expected(check_in.id, outcome, reason.value), draft.label)
        for copy in draft.copies:
            changed = replace(check_in, captured_at_ms=check_in.captured_at_ms - 1000)
            copied = value if copy == "duplicate" else encode_check_in(changed)
            yield Planned(check_in.person, copied, None, copy)
        if draft.again is not None:
            replayed = Expected(draft.again.id, Outcome.REVIEW, Reason.PHOTO_REPLAYED.value)
            yield Planned(draft.again.person, encode_check_in(draft.again), replayed, "photo sent again")
    for i in range(3):
        yield Planned(f"noise-{i}", b"\xc1 not a check-in", None, "undecodable")


def _claim(cast: Cast, person: RealPerson, direction: Direction = Direction.IN, **changes: object) -> CheckIn:
    base = CheckIn(
        id=str(uuid.UUID(bytes=cast.rng.bytes(16), version=4)),
        person=person.person,
        direction=direction,
        channel=Channel.FACE,
        captured_at_ms=cast.now_ms,
        fix=_fix(cast, cast.rng.uniform(0, 30), cast.rng.uniform(5, 15)),
        photos=(_selfie(cast, person),),
    )
    return replace(base, **changes)  # type: ignore[arg-type]  # dataclasses.replace takes field names


def _selfie(cast: Cast, person: RealPerson) -> bytes:
    """A fresh variation; a blurred one is taken again, as one would with a phone in hand."""
    photo = person.photos[int(cast.rng.integers(len(person.photos)))]
    for _ in range(_MOST_TRIES):
        selfie = vary(photo, cast.rng)
        if cast.usable(selfie):
            break
    return selfie


def _fix(cast: Cast, distance_m: float, accuracy_m: float, mock: bool | None = False) -> Fix:
    """A fix this far from the site, north or south of it."""
    side = 1 if cast.rng.random() < 0.5 else -1
    return Fix(SITE[0] + side * distance_m / METRES_PER_DEGREE, SITE[1], accuracy_m, mock)


def _of_unit(cast: Cast, *units: str) -> RealPerson:
    members = [p for p in cast.enrolled if cast.unit[p.person] in units]
    return members[int(cast.rng.integers(len(members)))]


def _working(cast: Cast) -> RealPerson:
    return _of_unit(cast, "disdik", "puskesmas")


def _ok(cast: Cast, person: RealPerson, direction: Direction = Direction.IN) -> Reasoned:
    if cast.unit[person.person] == "disdik":
        return Outcome.ACCEPTED, Reason.OK
    return Outcome.ACCEPTED, Reason.LATE if direction is Direction.IN else Reason.EARLY_LEAVE


def _honest(cast: Cast, copies: tuple[str, ...] = ()) -> list[_Draft]:
    person = _working(cast)
    return [_Draft(_claim(cast, person), _ok(cast, person), "honest", copies=copies)]


def _sent_again(cast: Cast) -> list[_Draft]:
    """The photo of this morning's check-in, in another one: as whoever keeps photos for later would do."""
    person = _working(cast)
    first = _claim(cast, person)
    return [_Draft(first, _ok(cast, person), "honest", again=_claim(cast, person, photos=first.photos))]


def _leaving(cast: Cast) -> list[_Draft]:
    """Not whom the stranger signs for: an accepted one between those attempts would start their count anew."""
    spared, person = _whom_the_stranger_signs_for(cast), _working(cast)
    while person is spared:
        person = _working(cast)
    return [_Draft(_claim(cast, person, Direction.OUT), _ok(cast, person, Direction.OUT), "honest")]


def _two_photos(cast: Cast) -> list[_Draft]:
    person = _working(cast)
    photos = (_selfie(cast, person), _selfie(cast, person))
    return [_Draft(_claim(cast, person, photos=photos), _ok(cast, person), "two photos")]


def _colleague(cast: Cast) -> list[_Draft]:
    """Somebody enrolled signs for somebody else."""
    claimed = _working(cast)
    others = [p for p in cast.enrolled if p is not claimed and not cast.alike(p.person, claimed.person)]
    if not others:
        return []
    actor = others[int(cast.rng.integers(len(others)))]
    check_in = _claim(cast, claimed, photos=(_selfie(cast, actor),))
    return [_Draft(check_in, (Outcome.REJECTED, Reason.IMPOSTOR_SUSPECTED), "colleague")]


def _whom_the_stranger_signs_for(cast: Cast) -> RealPerson | None:
    working = (p for p in cast.enrolled if cast.unit[p.person] == UNITS[0])
    return next((p for p in working if not cast.alike(cast.stranger.person, p.person)), None)


def _stranger_signs(cast: Cast) -> list[_Draft]:
    """A face that nobody here has: always for the same person, leaving, so that the third time comes."""
    claimed = _whom_the_stranger_signs_for(cast)
    if claimed is None:
        return []
    check_in = _claim(cast, claimed, Direction.OUT, photos=(_selfie(cast, cast.stranger),))
    return [_Draft(check_in, (Outcome.REJECTED, Reason.FACE_MISMATCH), "stranger", mismatch=True)]


def _simple(
    label: str, verdict: Reasoned, change: Callable[[Cast], dict[str, object]]
) -> Callable[[Cast], list[_Draft]]:
    def make(cast: Cast) -> list[_Draft]:
        return [_Draft(_claim(cast, _working(cast), **change(cast)), verdict, label)]  # type: ignore[arg-type]

    return make


def _not_an_image(cast: Cast) -> dict[str, object]:
    broken = (b"", b"<html>maaf</html>", encode_jpeg(cast.enrolled[0].photos[0])[:3000])
    return {"photos": (broken[int(cast.rng.integers(len(broken)))],)}


def _landscape(cast: Cast) -> dict[str, object]:
    sky = np.linspace(40, 220, 640, dtype=np.float32)[:, None, None] + cast.rng.normal(0, 6, (640, 480, 3))
    return {"photos": (encode_jpeg(np.clip(sky, 0, 255).astype(np.uint8)),)}


def _several_faces(cast: Cast) -> list[_Draft]:
    if cast.crowd is None:
        return []
    check_in = _claim(cast, _working(cast), photos=(encode_jpeg(cast.crowd, int(cast.rng.integers(80, 96))),))
    return [_Draft(check_in, (Outcome.REJECTED, Reason.SEVERAL_FACES), "several faces")]


def _nobody(cast: Cast) -> list[_Draft]:
    ghost = RealPerson(f"P9{int(cast.rng.integers(1000)):03d}X", _working(cast).photos)
    return [_Draft(_claim(cast, ghost), (Outcome.REJECTED, Reason.UNKNOWN_PERSON), "unknown person")]


def _not_enrolled(cast: Cast) -> list[_Draft]:
    return [_Draft(_claim(cast, cast.stranger), (Outcome.REVIEW, Reason.NOT_ENROLLED), "not enrolled")]


def _no_shift(cast: Cast) -> list[_Draft]:
    person = _of_unit(cast, "kecamatan")
    return [_Draft(_claim(cast, person), (Outcome.REVIEW, Reason.OUTSIDE_SHIFT), "no shift")]


def _invalid(cast: Cast) -> list[_Draft]:
    check_in = _claim(cast, _working(cast))
    fields = msgspec.msgpack.decode(encode_check_in(check_in))
    fields["direction"] = "sideways"
    raw = msgspec.msgpack.encode(fields)
    return [_Draft(check_in, (Outcome.REJECTED, Reason.INVALID_FIELD), "invalid field", raw=raw)]


def _other_channel(channel: Channel, verdict: Reason, outcome: Outcome, age_ms: int) -> Callable[[Cast], list[_Draft]]:
    def make(cast: Cast) -> list[_Draft]:
        claim = _claim(
            cast, _of_unit(cast, "disdik"), channel=channel, photos=(), fix=None, captured_at_ms=cast.now_ms - age_ms
        )
        return [_Draft(claim, (outcome, verdict), channel.value)]

    return make


_SCRIPT: tuple[tuple[Callable[[Cast], list[_Draft]], int], ...] = (
    (_honest, 108),
    (lambda cast: _honest(cast, copies=("duplicate",)), 8),
    (lambda cast: _honest(cast, copies=("id conflict",)), 2),
    (_sent_again, 3),
    (_leaving, 20),
    (_two_photos, 10),
    (_colleague, 24),
    (_stranger_signs, 5),
    (_no_shift, 8),
    (_simple("outside", (Outcome.REJECTED, Reason.OUTSIDE_SITE), lambda c: {"fix": _fix(c, 900, 12)}), 12),
    (_simple("fuzzy GPS", (Outcome.REVIEW, Reason.LOCATION_UNCERTAIN), lambda c: {"fix": _fix(c, 20, 250)}), 6),
    (_simple("on the fence", (Outcome.REVIEW, Reason.LOCATION_UNCERTAIN), lambda c: {"fix": _fix(c, 110, 40)}), 4),
    (_simple("no GPS", (Outcome.REVIEW, Reason.LOCATION_MISSING), lambda _: {"fix": None}), 4),
    (_simple("mock GPS", (Outcome.REVIEW, Reason.MOCK_LOCATION), lambda c: {"fix": _fix(c, 10, 8, True)}), 4),
    (
        _simple("wrong clock", (Outcome.REVIEW, Reason.CLOCK_SKEW), lambda c: {"captured_at_ms": c.now_ms - 3_600_000}),
        4,
    ),
    (_simple("unreadable", (Outcome.REJECTED, Reason.PHOTO_UNREADABLE), _not_an_image), 8),
    (_simple("no face", (Outcome.REJECTED, Reason.NO_FACE), _landscape), 4),
    (_several_faces, 3),
    (_nobody, 5),
    (_not_enrolled, 5),
    (_invalid, 4),
    (_other_channel(Channel.FINGERPRINT, Reason.CHANNEL_FINGERPRINT, Outcome.ACCEPTED, 60_000), 12),
    (_other_channel(Channel.FINGERPRINT, Reason.REPORTED_LATE, Outcome.REVIEW, _TWO_DAYS_MS), 3),
    (_other_channel(Channel.PAPER, Reason.CHANNEL_PAPER, Outcome.REVIEW, 60_000), 6),
)
"""What happens how often; duplicates, conflicts and noise come on top."""
