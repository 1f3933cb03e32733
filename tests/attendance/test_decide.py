"""The outcome table, row by row with both sides of every limit; and what holds for any evidence whatever."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.attendance.decide import decide
from hadir.attendance.policy import Policy
from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Position, Received
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Evidence,
    FaceFinding,
    History,
    PhotoFinding,
    Place,
    ShiftWindow,
)
from hadir.core.verdict import PHOTO_CODES, QUALITY_CODES, Outcome, Reason, Verdict

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
    return FaceFinding((USABLE,), 1, None, True, claimed, others, (), "space", "snapshot")


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


FIX = Fix(-9.4, 113.4, 20.0, mock=False)
NO_SHIFT = evidence(shift=None, shift_key="unit/2026-09-21/")
FINGERPRINT = claim(Channel.FINGERPRINT)
PAPER = claim(Channel.PAPER)
MACHINE = evidence(face=None, accept=None, review=None, identify=None, identify_margin=None, place=None)
MACHINE = replace(MACHINE, face=None)
INVALID = Received("id", "a", Position(0, 0), NOW_MS, "00", None, "photos")
OUT = claim(direction=Direction.OUT)

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


def test_a_verdict_carries_minutes_only_with_their_reason() -> None:
    assert decide(claim(), evidence(shift=ShiftWindow(KEY, 7)), POLICY).minutes == 7
    assert decide(claim(), evidence(), POLICY).minutes is None


def test_a_verdict_carries_metres_shift_and_the_invalid_field() -> None:
    refused = decide(claim(), evidence(place=Place("s", 321.5, 50)), POLICY)
    assert (refused.distance_m, refused.shift) == (321.5, KEY)
    assert decide(claim(), NO_SHIFT, POLICY).shift == "unit/2026-09-21/"
    assert decide(INVALID, Evidence(NOW_MS, True), POLICY).field == "photos"
    assert decide(claim(), Evidence(NOW_MS, False), POLICY).shift is None


def test_another_person_is_named_only_when_they_stand_out() -> None:
    assert decide(claim(), evidence(impostor(0.1, 0.6)), POLICY).other_person == "b"
    assert decide(claim(), evidence(finding(0.1)), POLICY).other_person is None
    assert decide(claim(), evidence(impostor(0.5, 0.99)), POLICY).other_person is None


def test_a_policy_may_send_every_fingerprint_to_review_and_accept_paper() -> None:
    policy = replace(POLICY, fingerprint=REVIEW, paper=ACCEPTED)
    assert decide(FINGERPRINT, MACHINE, policy).outcome is REVIEW
    assert decide(PAPER, MACHINE, policy).outcome is ACCEPTED


def test_the_number_of_mismatches_before_a_review_is_the_policys() -> None:
    policy = replace(POLICY, mismatches_before_review=1)
    assert decide(claim(), evidence(finding(0.1)), policy).outcome is REVIEW


NAN = math.nan
UNPROVEN = {
    "similarity": (claim(), evidence(finding(NAN))),
    "infinite similarity": (claim(), evidence(finding(math.inf))),
    "accept": (claim(), evidence(accept=AppliedThreshold(1e-3, "1/3", NAN, "pack"))),
    "accept unsupported": (claim(), evidence(accept=AppliedThreshold(1e-3, "1/3", None, "none"))),
    "accept missing": (claim(), evidence(accept=None)),
    "review": (claim(), evidence(finding(0.1), review=AppliedThreshold(1e-2, "1/3", NAN, "pack"))),
    "claimed missing": (claim(), evidence(replace(finding(), claimed=None))),
    "agreement": (claim(), evidence(pair(NAN), agree=AGREES)),
    "agreement missing": (claim(), evidence(pair(None), agree=AGREES)),
    "agree": (claim(), evidence(pair(0.9), agree=replace(AGREES, similarity=NAN))),
    "agree missing": (claim(), evidence(pair(0.9))),
    "distance": (claim(), evidence(place=Place("s", NAN, 50))),
    "radius": (claim(), evidence(place=Place("s", 30, NAN))),
    "accuracy": (claim(fix=replace(FIX, accuracy_m=NAN)), evidence()),
    "negative accuracy": (claim(fix=replace(FIX, accuracy_m=-1.0)), evidence()),
    "photos without any code": (claim(), evidence(replace(finding(), usable=0, claimed=None))),
    "a photo without a code beside an unreadable one": (
        claim(),
        evidence(replace(photos(Reason.PHOTO_EMPTY, None), usable=0, claimed=None)),
    ),
    "no photos at all": (claim(), evidence(replace(finding(), photos=(), usable=0, claimed=None))),
    "face missing": (claim(), replace(MACHINE, place=Place("s", 30, 50))),
}


@pytest.mark.parametrize("name", UNPROVEN)
def test_what_is_missing_or_not_a_number_proves_nothing_and_goes_to_a_human(name: str) -> None:
    assert decide(*UNPROVEN[name], POLICY).outcome is REVIEW


@pytest.mark.parametrize("part", ["best", "second", "identify", "margin"])
def test_nobody_is_suspected_by_what_is_not_a_number(part: str) -> None:
    face = impostor(0.1, NAN if part == "best" else 0.9, NAN if part == "second" else 0.1)
    identify = AppliedThreshold(1e-4, "1/3", NAN if part == "identify" else 0.6, "pack")
    suspect = evidence(face, identify=identify, identify_margin=NAN if part == "margin" else 0.02)
    assert decide(claim(), suspect, POLICY).reasons == (Reason.FACE_MISMATCH,)


ANY = st.floats(allow_nan=True, allow_infinity=True)
COSINES = st.one_of(st.floats(-1, 1), st.sampled_from([0.35, 0.4, 0.5, 0.6]), ANY)
CANDIDATES = st.builds(Candidate, st.sampled_from("abc"), COSINES, st.integers(0, 5), st.booleans())
THRESHOLDS = st.none() | st.builds(
    AppliedThreshold, st.just(1e-3), st.just("1/1"), st.none() | COSINES, st.just("pack")
)
CODES = st.none() | st.sampled_from(sorted(PHOTO_CODES | QUALITY_CODES))
FACES = st.none() | st.builds(
    FaceFinding,
    photos=st.lists(st.builds(PhotoFinding, CODES), max_size=4).map(tuple),
    usable=st.integers(0, 4),
    agreement=st.none() | COSINES,
    enrolled=st.booleans(),
    claimed=st.none() | CANDIDATES,
    others=st.lists(CANDIDATES, max_size=2).map(tuple),
    cohort=st.just(()),
    embedding_space=st.just("space"),
    snapshot=st.just("snapshot"),
)
TIMES = st.one_of(st.integers(-(2**63), 2**63), st.integers(NOW_MS - 2 * 24 * HOUR_MS, NOW_MS + HOUR_MS))
FIXES = st.none() | st.builds(Fix, ANY, ANY, st.one_of(st.floats(0, 200), ANY), st.none() | st.booleans())
CLAIMS = st.builds(
    CheckIn,
    id=st.just("id"),
    person=st.just("a"),
    direction=st.sampled_from(Direction),
    channel=st.sampled_from(Channel),
    captured_at_ms=TIMES,
    fix=FIXES,
)
RECORDS = st.builds(
    lambda check_in: Received("id", "a", Position(0, 0), NOW_MS, "00", check_in, None if check_in else "fix"),
    st.none() | CLAIMS,
)
EVIDENCE = st.builds(
    Evidence,
    received_at_ms=st.just(NOW_MS) | TIMES,
    on_roster=st.sampled_from([True, True, True, False]),
    face=FACES,
    failed_attempts=st.integers(0, 3),
    accept=THRESHOLDS,
    review=THRESHOLDS,
    identify=THRESHOLDS,
    agree=THRESHOLDS,
    identify_margin=st.none() | ANY,
    place=st.none() | st.builds(Place, st.just("s"), st.one_of(st.floats(0, 300), ANY), st.floats(5, 500) | ANY),
    shift=st.none() | st.builds(ShiftWindow, st.just(KEY), st.integers(0, 300)),
    shift_key=st.none() | st.just(KEY),
    history=st.builds(History, st.integers(0, 4), st.booleans()),
)

REJECTING = (
    QUALITY_CODES
    | PHOTO_CODES
    | {Reason.PHOTO_UNREADABLE, Reason.IMPOSTOR_SUSPECTED, Reason.OUTSIDE_SITE}
    | {Reason.UNKNOWN_PERSON, Reason.INVALID_FIELD}
)
ACCEPTING = {Reason.OK, Reason.LATE, Reason.EARLY_LEAVE, Reason.REPEATED, Reason.CHANNEL_FINGERPRINT}


def rank(reason: Reason, mismatch_rank: int) -> int:
    if reason is Reason.FACE_MISMATCH:
        return mismatch_rank
    return 0 if reason in REJECTING else 2 if reason in ACCEPTING else 1


@settings(max_examples=500, deadline=None)
@given(RECORDS, EVIDENCE)
def test_any_evidence_gives_one_outcome_with_reasons_and_the_worst_wins(received: Received, seen: Evidence) -> None:
    verdict = decide(received, seen, POLICY)
    ranks = [rank(reason, 1 if seen.history.mismatches >= 2 else 0) for reason in verdict.reasons]
    assert verdict.reasons
    assert len(set(verdict.reasons)) == len(verdict.reasons)
    assert ranks == sorted(ranks)
    assert verdict.outcome is (REJECTED, REVIEW, ACCEPTED)[ranks[0]]
    assert verdict.case == (verdict.outcome is REVIEW or Reason.IMPOSTOR_SUSPECTED in verdict.reasons)
    assert (verdict.other_person is not None) == (Reason.IMPOSTOR_SUSPECTED in verdict.reasons)
    assert verdict.distance_m is None or math.isfinite(verdict.distance_m)
    assert Reason.OK not in verdict.reasons or verdict.outcome is ACCEPTED


def proven(similarity: float | None, threshold: AppliedThreshold | None) -> bool:
    limit = threshold.similarity if threshold else None
    return similarity is not None and limit is not None and math.isfinite(similarity) and similarity >= limit


def every_check_passes(check_in: CheckIn, seen: Evidence) -> bool:
    """The table's first row, said once more in another way."""
    if not (seen.on_roster and seen.shift is not None):
        return False
    if check_in.channel is Channel.PAPER:
        return False
    if check_in.channel is Channel.FINGERPRINT:
        return seen.received_at_ms - check_in.captured_at_ms <= 24 * HOUR_MS
    face, fix, place = seen.face, check_in.fix, seen.place
    return (
        face is not None
        and face.enrolled
        and face.usable > 0
        and face.claimed is not None
        and proven(face.claimed.similarity, seen.accept)
        and (face.usable < 2 or proven(face.agreement, seen.agree))
        and fix is not None
        and not fix.mock
        and place is not None
        and 0 <= fix.accuracy_m <= 100
        and place.distance_m + fix.accuracy_m <= place.radius_m
        and abs(seen.received_at_ms - check_in.captured_at_ms) <= 5 * MINUTE_MS
    )


NEARLY_GOOD = st.builds(
    evidence,
    face=st.builds(finding, COSINES) | st.builds(pair, st.none() | COSINES),
    accept=st.just(AppliedThreshold(1e-3, "1/3", 0.5, "pack")) | THRESHOLDS,
    agree=st.just(AGREES) | THRESHOLDS,
    place=st.just(Place("s", 10, 200)) | st.builds(Place, st.just("s"), ANY, ANY) | st.none(),
    shift=st.none() | st.builds(ShiftWindow, st.just(KEY), st.integers(0, 300)),
)
NEARLY_GOOD_CLAIMS = st.builds(
    claim,
    channel=st.sampled_from(Channel),
    captured_at_ms=st.just(NOW_MS) | TIMES,
    fix=st.just(FIX) | FIXES,
)


@settings(max_examples=500, deadline=None)
@given(NEARLY_GOOD_CLAIMS, NEARLY_GOOD | EVIDENCE)
def test_accepted_exactly_when_every_applicable_check_passed(received: Received, seen: Evidence) -> None:
    assert received.check_in is not None
    verdict: Verdict = decide(received, seen, POLICY)
    assert (verdict.outcome is ACCEPTED) == every_check_passes(received.check_in, seen)
