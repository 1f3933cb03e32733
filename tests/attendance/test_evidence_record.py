"""What is kept of a check-in: everything a reviewer asks for, in plain JSON, and nothing that points at a face."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from hadir.attendance.evidence_record import evidence_body, ledger_row
from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Position, Received
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Cohort,
    Evidence,
    FaceFinding,
    FaceMeasures,
    History,
    PhotoFinding,
    Place,
    ShiftWindow,
)
from hadir.core.verdict import Outcome, Reason, Verdict

CHECK_IN = CheckIn(
    id="00000000-0000-4000-8000-000000000001",
    person="person-1",
    direction=Direction.IN,
    channel=Channel.FACE,
    captured_at_ms=1_000,
    fix=Fix(-8.17000049, 113.70000051, 12.345, mock=False),
    photos=(b"one", b"two"),
    device_id="phone-1",
)
RECEIVED = Received(CHECK_IN.id, "person-1", Position(3, 44), 1_200, "c" * 64, CHECK_IN)
MEASURES = FaceMeasures((1.06, 2.0, 101.0, 140.0), 99.94, 0.98765, 0.9, 3.21, -1.0, 0.0, 55.55555, 0.5)
FACE = FaceFinding(
    photos=(PhotoFinding(None, MEASURES), PhotoFinding(Reason.BLURRED)),
    usable=1,
    agreement=None,
    enrolled=True,
    claimed=Candidate("person-1", 0.71234567, 3, normalised=2.34567891),
    others=(Candidate("person-2", 0.4, 2), Candidate("nobody-1", 0.3, 1, synthetic=True)),
    cohort=Cohort(3, 0.3, 0.0816496581),
    embedding_space="e" * 64,
    snapshot="snapshot-of-the-face",
)
EVIDENCE = Evidence(
    received_at_ms=1_200,
    on_roster=True,
    face=FACE,
    accept=AppliedThreshold(1e-3, "1/3", 0.55555555, "snapshot"),
    review=AppliedThreshold(1e-2, "1/3", 0.45, "snapshot", "as-norm"),
    identify=AppliedThreshold(1e-4, "1/2", None, "none"),
    identify_margin=0.02,
    place=Place("office", 12.345, 100.0),
    shift=ShiftWindow("unit/2026-11-23/pagi", 4),
    shift_key="unit/2026-11-23/",
    history=History(1, accepted=True),
)
VERDICT = Verdict(Outcome.ACCEPTED, (Reason.LATE,), False, minutes=4, distance_m=12.345, shift="unit/2026-11-23/pagi")
DIGESTS = ("a" * 64, "b" * 64)


def test_the_body_holds_what_a_reviewer_asks_for() -> None:
    assert evidence_body(RECEIVED, EVIDENCE, replace(VERDICT, other_person="person-2"), DIGESTS) == {
        "content_sha256": "c" * 64,
        "device_id": "phone-1",
        "distance_m": 12.3,
        "face": {
            "agreement": None,
            "claimed": {
                "normalised": 2.345679,
                "person": "person-1",
                "photos": 3,
                "similarity": 0.712346,
                "synthetic": False,
            },
            "cohort": {"mean": 0.3, "sd": 0.08165, "size": 3},
            "enrolled": True,
            "others": [
                {"normalised": None, "person": "person-2", "photos": 2, "similarity": 0.4, "synthetic": False},
                {"normalised": None, "person": "nobody-1", "photos": 1, "similarity": 0.3, "synthetic": True},
            ],
            "usable": 1,
        },
        "failed_attempts": 0,
        "field": None,
        "fix": {"accuracy_m": 12.3, "latitude_deg": -8.17, "longitude_deg": 113.700001, "mock": False},
        "history": {"accepted": True, "mismatches": 1},
        "other_person": "person-2",
        "photos": [
            {
                "code": None,
                "face": {
                    "box_px": [1.1, 2.0, 101.0, 140.0],
                    "brightness": 0.5,
                    "detector_score": 0.988,
                    "pitch_deg": -1.0,
                    "presence": 0.9,
                    "roll_deg": 0.0,
                    "sharpness": 55.556,
                    "width_px": 99.9,
                    "yaw_deg": 3.2,
                },
                "sha256": "a" * 64,
            },
            {"code": "blurred", "face": None, "sha256": "b" * 64},
        ],
        "place": {"distance_m": 12.3, "radius_m": 100.0, "site": "office"},
        "thresholds": {
            "accept": {"cell": "1/3", "fmr": 0.001, "scale": "cosine", "similarity": 0.555556, "source": "snapshot"},
            "identify": {"cell": "1/2", "fmr": 0.0001, "scale": "cosine", "similarity": None, "source": "none"},
            "identify_margin": 0.02,
            "review": {"cell": "1/3", "fmr": 0.01, "scale": "as-norm", "similarity": 0.45, "source": "snapshot"},
        },
    }


def test_what_is_not_finite_becomes_null() -> None:
    claimed = Candidate("person-1", math.nan, 3)
    face = replace(FACE, claimed=claimed, agreement=math.inf, cohort=Cohort(1, math.nan, math.inf))
    check_in = replace(CHECK_IN, fix=Fix(math.nan, 113.7, math.inf))
    body = evidence_body(
        replace(RECEIVED, check_in=check_in),
        replace(EVIDENCE, face=face, place=Place("office", math.nan, 100.0)),
        replace(VERDICT, distance_m=math.nan),
        DIGESTS,
    )
    assert json.loads(json.dumps(body, allow_nan=False)) == body
    assert body["distance_m"] is None


def test_numbers_of_numpy_become_plain_ones() -> None:
    """A search may hand out its array's own scalars, which JSON refuses."""
    scores, three = np.array([0.25, 0.75], np.float32), cast(int, np.int64(3))
    cohort = Cohort(3, cast(float, scores[0]), cast(float, scores[1]))
    face = replace(FACE, claimed=Candidate("person-1", cast(float, scores[0]), three), usable=three, cohort=cohort)
    body = evidence_body(RECEIVED, replace(EVIDENCE, face=face), VERDICT, DIGESTS)
    assert json.loads(json.dumps(body)) == body


def test_a_crash_and_an_invalid_field_keep_the_digests_of_the_photos() -> None:
    invalid = replace(RECEIVED, check_in=None, invalid_field="fix")
    body = evidence_body(invalid, Evidence(1_200, on_roster=True, failed_attempts=3), VERDICT, DIGESTS)
    assert body["photos"] == [{"code": None, "face": None, "sha256": digest} for digest in DIGESTS]
    assert (body["failed_attempts"], body["fix"], body["face"]) == (3, None, None)


def test_digests_that_do_not_fit_the_photos_are_refused() -> None:
    with pytest.raises(ValueError, match="1 photo digests for 2 findings"):
        evidence_body(RECEIVED, EVIDENCE, VERDICT, DIGESTS[:1])


def test_the_row_takes_its_versions_from_the_face_that_was_compared() -> None:
    row = ledger_row(
        RECEIVED, EVIDENCE, VERDICT, decided_at_ms=9, snapshot="serving", embedding_space="space", policy="p"
    )
    assert (row.snapshot, row.embedding_space, row.policy) == ("snapshot-of-the-face", "e" * 64, "p")
    assert (row.partition, row.offset, row.captured_at_ms, row.received_at_ms) == (3, 44, 1_000, 1_200)
    assert (row.distance_m, row.minutes, row.direction, row.revision) == (12.3, 4, "in", 0)


def test_a_row_without_a_face_names_what_served() -> None:
    invalid = replace(RECEIVED, check_in=None, invalid_field="channel", direction=Direction.OUT)
    row = ledger_row(
        invalid,
        Evidence(1_200, on_roster=True),
        Verdict(Outcome.REJECTED, (Reason.INVALID_FIELD,), False, field="channel"),
        decided_at_ms=9,
        snapshot="serving",
        embedding_space="space",
        policy="p",
    )
    assert (row.snapshot, row.embedding_space, row.field) == ("serving", "space", "channel")
    assert (row.direction, row.channel, row.captured_at_ms) == ("out", None, None)


def test_words_in_a_row_are_plain_text() -> None:
    row = ledger_row(RECEIVED, EVIDENCE, VERDICT, decided_at_ms=9, snapshot="s", embedding_space="e", policy="p")
    assert (type(row.direction), type(row.channel)) == (str, str)
