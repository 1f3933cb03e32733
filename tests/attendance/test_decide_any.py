"""Beside the table: what a verdict carries, and what holds for any evidence: nothing unproven is accepted."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.attendance.decide import decide
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
from hadir.core.verdict import PHOTO_CODES, QUALITY_CODES, Reason, Verdict
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
    PAPER,
    POLICY,
    REJECTED,
    REVIEW,
    claim,
    evidence,
    finding,
    impostor,
    pair,
    photos,
)


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


def z_evidence(claimed: float | None, best: float | None, cosines: tuple[float, float] = (0.1, 0.6)) -> Evidence:
    plain = impostor(*cosines)
    assert plain.claimed is not None
    others = (replace(plain.others[0], normalised=best), plain.others[1])
    return evidence(
        replace(plain, claimed=replace(plain.claimed, normalised=claimed), others=others),
        accept=AppliedThreshold(1e-3, "1/3", 2.0, "snapshot", "as-norm"),
        review=AppliedThreshold(1e-2, "1/3", 0.5, "snapshot", "as-norm"),
        identify=AppliedThreshold(1e-4, "1/3", 3.0, "snapshot", "as-norm"),
    )


@pytest.mark.parametrize(
    ("claimed", "best", "reason"),
    [
        (2.0, 0.0, Reason.OK),
        (1.9, 9.0, Reason.SIMILARITY_UNCERTAIN),
        (0.4, 3.0, Reason.IMPOSTOR_SUSPECTED),
        (0.4, 2.9, Reason.FACE_MISMATCH),
        (0.4, None, Reason.FACE_MISMATCH),
        (None, 9.0, Reason.SIMILARITY_UNCERTAIN),
        (math.nan, 9.0, Reason.SIMILARITY_UNCERTAIN),
    ],
)
def test_a_normalised_threshold_is_compared_with_normalised_scores(
    claimed: float | None, best: float | None, reason: Reason
) -> None:
    assert decide(claim(), z_evidence(claimed, best), POLICY).reasons[0] is reason


def test_standing_out_is_measured_in_cosines_whatever_scale_the_rate_is_in() -> None:
    assert decide(claim(), z_evidence(0.4, 9.0, (0.1, 0.13)), POLICY).reasons[0] is Reason.IMPOSTOR_SUSPECTED
    assert decide(claim(), z_evidence(0.4, 9.0, (0.1, 0.11)), POLICY).reasons[0] is Reason.FACE_MISMATCH


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
    cohort=st.none(),
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
