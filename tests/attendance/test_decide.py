"""The outcome table, row by row with both sides of every limit."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from hadir.attendance.decide import decide
from hadir.core.check_in import Channel, Received
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Evidence,
    History,
    Place,
    Replay,
    ShiftWindow,
)
from hadir.core.verdict import PHOTO_CODES, QUALITY_CODES, Outcome, Reason
from tests.attendance.decide_examples import (
    ACCEPTED,
    AGREES,
    FINGERPRINT,
    FIX,
    HOUR_MS,
    INVALID,
    KEY,
    MACHINE,
    MINUTE_MS,
    NO_SHIFT,
    NOW_MS,
    OUT,
    PAPER,
    POLICY,
    REJECTED,
    REVIEW,
    above,
    below,
    claim,
    evidence,
    finding,
    impostor,
    pair,
    photos,
)

SAME_PHOTO = Replay(photo=0, of="other", of_photo=0, exact=True, distance_bits=0, same_person=True, decides=True)


@dataclass(frozen=True)
class Case:
    """One row of the table on one side of one limit."""

    name: str
    outcome: Outcome
    reasons: tuple[Reason, ...]
    received: Received = field(default_factory=claim)
    evidence: Evidence = field(default_factory=evidence)
    case: bool | None = None

    def __post_init__(self) -> None:
        if self.case is None:
            object.__setattr__(self, "case", self.outcome is REVIEW)


TABLE = [
    Case("passes on time", ACCEPTED, (Reason.OK,)),
    Case("passes exactly at accept", ACCEPTED, (Reason.OK,), evidence=evidence(finding(0.5))),
    Case("late", ACCEPTED, (Reason.LATE,), evidence=evidence(shift=ShiftWindow(KEY, 1))),
    Case("early", ACCEPTED, (Reason.EARLY_LEAVE,), OUT, evidence(shift=ShiftWindow(KEY, 1))),
    Case("leaves on time", ACCEPTED, (Reason.OK,), OUT),
    Case("no window open", REVIEW, (Reason.OUTSIDE_SHIFT,), evidence=NO_SHIFT),
    Case("just below accept", REVIEW, (Reason.SIMILARITY_UNCERTAIN,), evidence=evidence(finding(below(0.5)))),
    Case("exactly at review", REVIEW, (Reason.SIMILARITY_UNCERTAIN,), evidence=evidence(finding(0.4))),
    Case("just below review", REJECTED, (Reason.FACE_MISMATCH,), evidence=evidence(finding(below(0.4)))),
    Case("second mismatch", REJECTED, (Reason.FACE_MISMATCH,), evidence=evidence(finding(0.1), history=History(1))),
    Case("third mismatch", REVIEW, (Reason.FACE_MISMATCH,), evidence=evidence(finding(0.1), history=History(2))),
    Case("fourth mismatch", REVIEW, (Reason.FACE_MISMATCH,), evidence=evidence(finding(0.1), history=History(3))),
    Case("another stands out", REJECTED, (Reason.IMPOSTOR_SUSPECTED,), claim(), evidence(impostor(0.1, 0.6)), True),
    Case(
        "another stands out the third time",
        REJECTED,
        (Reason.IMPOSTOR_SUSPECTED,),
        claim(),
        evidence(impostor(0.1, 0.6), history=History(2)),
        True,
    ),
    Case("other below identify", REJECTED, (Reason.FACE_MISMATCH,), evidence=evidence(impostor(0.1, below(0.6)))),
    Case(
        "second best exactly a margin below",
        REJECTED,
        (Reason.IMPOSTOR_SUSPECTED,),
        claim(),
        evidence(impostor(0.1, 0.75, 0.5), identify_margin=0.25),
        True,
    ),
    Case(
        "second best within the margin",
        REJECTED,
        (Reason.FACE_MISMATCH,),
        evidence=evidence(impostor(0.1, 0.75, above(0.5)), identify_margin=0.25),
    ),
    Case(
        "claimed within the margin",
        REJECTED,
        (Reason.FACE_MISMATCH,),
        evidence=evidence(impostor(0.39, 0.6), identify_margin=0.25),
    ),
    Case("synthetic best", REJECTED, (Reason.FACE_MISMATCH,), evidence=evidence(impostor(0.1, 0.9, 0.7, True))),
    Case(
        "synthetic second best within the margin",
        REJECTED,
        (Reason.FACE_MISMATCH,),
        evidence=evidence(finding(0.1, (Candidate("b", 0.9, 3), Candidate("s", 0.89, 3, True)))),
    ),
    Case(
        "only one other person",
        REJECTED,
        (Reason.IMPOSTOR_SUSPECTED,),
        claim(),
        evidence(finding(0.1, (Candidate("b", 0.9, 3),))),
        True,
    ),
    Case("no other person", REJECTED, (Reason.FACE_MISMATCH,), evidence=evidence(finding(0.1, ()))),
    Case(
        "identify supported by nothing",
        REJECTED,
        (Reason.FACE_MISMATCH,),
        evidence=evidence(impostor(0.1, 0.99), identify=AppliedThreshold(1e-4, "1/3", None, "none")),
    ),
    Case("1:1 passes though another is nearer", ACCEPTED, (Reason.OK,), evidence=evidence(impostor(0.5, 0.99))),
    Case(
        "1:1 uncertain though another is nearer",
        REVIEW,
        (Reason.SIMILARITY_UNCERTAIN,),
        evidence=evidence(impostor(0.45, 0.99)),
    ),
    Case("photos agree", ACCEPTED, (Reason.OK,), evidence=evidence(pair(0.35), agree=AGREES)),
    Case("photos differ", REVIEW, (Reason.PHOTOS_DISAGREE,), evidence=evidence(pair(below(0.35)), agree=AGREES)),
    *(Case(f"only {code}", REJECTED, (code,), evidence=evidence(photos(code))) for code in sorted(QUALITY_CODES)),
    Case(
        "several quality reasons in the order of the table",
        REJECTED,
        (Reason.NO_FACE, Reason.BLURRED),
        evidence=evidence(photos(Reason.BLURRED, Reason.NO_FACE, Reason.BLURRED)),
    ),
    Case("one photo usable", ACCEPTED, (Reason.OK,), evidence=evidence(photos(Reason.NO_FACE, None))),
    Case("one photo readable", ACCEPTED, (Reason.OK,), evidence=evidence(photos(Reason.PHOTO_EMPTY, None))),
    *(
        Case(f"only {code}", REJECTED, (Reason.PHOTO_UNREADABLE, code), evidence=evidence(photos(code)))
        for code in sorted(PHOTO_CODES)
    ),
    Case(
        "unreadable in two ways",
        REJECTED,
        (Reason.PHOTO_UNREADABLE, Reason.PHOTO_EMPTY, Reason.PHOTO_TRUNCATED),
        evidence=evidence(photos(Reason.PHOTO_TRUNCATED, Reason.PHOTO_EMPTY)),
    ),
    Case(
        "one unreadable, the other without a face",
        REJECTED,
        (Reason.NO_FACE,),
        evidence=evidence(photos(Reason.PHOTO_EMPTY, Reason.NO_FACE)),
    ),
    Case("at the inner rim", ACCEPTED, (Reason.OK,), evidence=evidence(place=Place("s", 30, 50))),
    Case("over the inner rim", REVIEW, (Reason.LOCATION_UNCERTAIN,), evidence=evidence(place=Place("s", 30.01, 50))),
    Case("at the outer rim", REVIEW, (Reason.LOCATION_UNCERTAIN,), evidence=evidence(place=Place("s", 70, 50))),
    Case("over the outer rim", REJECTED, (Reason.OUTSIDE_SITE,), evidence=evidence(place=Place("s", 70.01, 50))),
    Case(
        "accuracy at its limit",
        ACCEPTED,
        (Reason.OK,),
        claim(fix=replace(FIX, accuracy_m=100.0)),
        evidence(place=Place("s", 0, 500)),
    ),
    Case(
        "accuracy over its limit",
        REVIEW,
        (Reason.LOCATION_UNCERTAIN,),
        claim(fix=replace(FIX, accuracy_m=above(100.0))),
        evidence(place=Place("s", 0, 500)),
    ),
    Case("no fix", REVIEW, (Reason.LOCATION_MISSING,), claim(fix=None), evidence(place=None)),
    Case("no site assigned", REVIEW, (Reason.LOCATION_UNCERTAIN,), evidence=evidence(place=None)),
    Case("mock", REVIEW, (Reason.MOCK_LOCATION,), claim(fix=replace(FIX, mock=True))),
    Case("mock unknown", ACCEPTED, (Reason.OK,), claim(fix=replace(FIX, mock=None))),
    Case(
        "mock and outside",
        REJECTED,
        (Reason.OUTSIDE_SITE, Reason.MOCK_LOCATION),
        claim(fix=replace(FIX, mock=True)),
        evidence(place=Place("s", 900, 50)),
    ),
    Case("clock behind by the limit", ACCEPTED, (Reason.OK,), claim(captured_at_ms=NOW_MS - 5 * MINUTE_MS)),
    Case("clock ahead by the limit", ACCEPTED, (Reason.OK,), claim(captured_at_ms=NOW_MS + 5 * MINUTE_MS)),
    Case("clock behind", REVIEW, (Reason.CLOCK_SKEW,), claim(captured_at_ms=NOW_MS - 5 * MINUTE_MS - 1)),
    Case("clock ahead", REVIEW, (Reason.CLOCK_SKEW,), claim(captured_at_ms=NOW_MS + 5 * MINUTE_MS + 1)),
    Case("not on the roster", REJECTED, (Reason.UNKNOWN_PERSON,), claim(), Evidence(NOW_MS, False, finding())),
    Case(
        "without templates",
        REVIEW,
        (Reason.NOT_ENROLLED,),
        evidence=evidence(replace(finding(), enrolled=False, claimed=None), accept=None, review=None),
    ),
    Case(
        "without templates and without a face",
        REJECTED,
        (Reason.NO_FACE, Reason.NOT_ENROLLED),
        evidence=evidence(replace(photos(Reason.NO_FACE), enrolled=False), accept=None, review=None),
    ),
    Case("again", ACCEPTED, (Reason.OK, Reason.REPEATED), evidence=evidence(history=History(0, True))),
    Case(
        "again, but somebody else",
        REJECTED,
        (Reason.FACE_MISMATCH, Reason.REPEATED),
        evidence=evidence(finding(0.1), history=History(0, True)),
    ),
    Case("again after a refusal", ACCEPTED, (Reason.OK,), evidence=evidence(history=History(2, False))),
    Case("fingerprint", ACCEPTED, (Reason.CHANNEL_FINGERPRINT,), FINGERPRINT, MACHINE),
    Case(
        "late fingerprint",
        ACCEPTED,
        (Reason.LATE, Reason.CHANNEL_FINGERPRINT),
        FINGERPRINT,
        replace(MACHINE, shift=ShiftWindow(KEY, 9)),
    ),
    Case(
        "fingerprint reported at the limit",
        ACCEPTED,
        (Reason.CHANNEL_FINGERPRINT,),
        claim(Channel.FINGERPRINT, captured_at_ms=NOW_MS - 24 * HOUR_MS),
        MACHINE,
    ),
    Case(
        "fingerprint reported late",
        REVIEW,
        (Reason.REPORTED_LATE, Reason.CHANNEL_FINGERPRINT),
        claim(Channel.FINGERPRINT, captured_at_ms=NOW_MS - 24 * HOUR_MS - 1),
        MACHINE,
    ),
    Case(
        "fingerprint outside shift",
        REVIEW,
        (Reason.OUTSIDE_SHIFT, Reason.CHANNEL_FINGERPRINT),
        FINGERPRINT,
        replace(MACHINE, shift=None),
    ),
    Case("paper", REVIEW, (Reason.CHANNEL_PAPER,), PAPER, MACHINE),
    Case(
        "paper days later",
        REVIEW,
        (Reason.CHANNEL_PAPER,),
        claim(Channel.PAPER, captured_at_ms=NOW_MS - 99 * HOUR_MS),
        MACHINE,
    ),
    Case("unknown by paper", REJECTED, (Reason.UNKNOWN_PERSON,), PAPER, Evidence(NOW_MS, False)),
    Case("field", REJECTED, (Reason.INVALID_FIELD,), INVALID, Evidence(NOW_MS, True)),
    Case("field of somebody unknown", REJECTED, (Reason.INVALID_FIELD,), INVALID, Evidence(NOW_MS, False)),
    Case(
        "crash budget spent",
        REVIEW,
        (Reason.PROCESSING_FAILED,),
        claim(),
        replace(MACHINE, failed_attempts=3, place=Place("s", 30, 50)),
    ),
    Case(
        "everything at once",
        REJECTED,
        (
            Reason.FACE_MISMATCH,
            Reason.OUTSIDE_SITE,
            Reason.OUTSIDE_SHIFT,
            Reason.PHOTOS_DISAGREE,
            Reason.MOCK_LOCATION,
            Reason.CLOCK_SKEW,
            Reason.REPEATED,
        ),
        claim(fix=replace(FIX, mock=True), captured_at_ms=0),
        evidence(
            replace(pair(0.1), claimed=Candidate("a", 0.1, 3)),
            agree=AGREES,
            place=Place("s", 900, 50),
            shift=None,
            history=History(0, True),
        ),
    ),
    Case("the same bytes were sent before", REVIEW, (Reason.PHOTO_REPLAYED,), evidence=evidence(replays=(SAME_PHOTO,))),
    Case(
        "a near copy was sent before",
        REVIEW,
        (Reason.PHOTO_REPLAYED,),
        evidence=evidence(replays=(replace(SAME_PHOTO, exact=False, distance_bits=7),)),
    ),
    Case(
        "a near copy is only recorded",
        ACCEPTED,
        (Reason.OK,),
        evidence=evidence(replays=(replace(SAME_PHOTO, exact=False, decides=False),)),
    ),
    Case(
        "one of two photos was sent before",
        REVIEW,
        (Reason.PHOTO_REPLAYED,),
        evidence=evidence(
            pair(0.9),
            agree=AGREES,
            replays=(replace(SAME_PHOTO, exact=False, decides=False), replace(SAME_PHOTO, photo=1)),
        ),
    ),
    Case(
        "a photo of somebody else, sent before",
        REJECTED,
        (Reason.FACE_MISMATCH, Reason.PHOTO_REPLAYED),
        evidence=evidence(finding(0.1), replays=(SAME_PHOTO,)),
    ),
    Case(
        "a photo sent before that kills workers",
        REVIEW,
        (Reason.PROCESSING_FAILED, Reason.PHOTO_REPLAYED),
        evidence=replace(MACHINE, failed_attempts=3, place=evidence().place, replays=(SAME_PHOTO,)),
    ),
    Case(
        "a paper sheet has no photo to be sent again",
        REVIEW,
        (Reason.CHANNEL_PAPER,),
        received=PAPER,
        evidence=replace(MACHINE, replays=(SAME_PHOTO,)),
    ),
    Case(
        "late beside a refusal",
        REJECTED,
        (Reason.FACE_MISMATCH, Reason.LATE),
        evidence=evidence(finding(0.1), shift=ShiftWindow(KEY, 5)),
    ),
]


@pytest.mark.parametrize("row", TABLE, ids=[row.name.replace(" ", "-") for row in TABLE])
def test_the_outcome_table(row: Case) -> None:
    verdict = decide(row.received, row.evidence, POLICY)
    assert (verdict.outcome, verdict.reasons, verdict.case) == (row.outcome, row.reasons, row.case)


def test_the_table_has_a_row_for_every_reason() -> None:
    assert {reason for row in TABLE for reason in row.reasons} == set(Reason)
