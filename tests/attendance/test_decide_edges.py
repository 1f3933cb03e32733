"""Edges of the outcome table that a changed comparison would move: found by mutation testing (`make mutation`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hadir.attendance.decide import decide
from hadir.attendance.wording import sentence
from hadir.core.evidence import AppliedThreshold, History
from hadir.core.verdict import NO_THRESHOLD, Reason
from tests.attendance.decide_examples import (
    ACCEPTED,
    AGREES,
    POLICY,
    REJECTED,
    REVIEW,
    claim,
    evidence,
    finding,
    impostor,
    photos,
)


@pytest.mark.parametrize("usable", [2, 3, 4])
@pytest.mark.parametrize(("agreement", "outcome"), [(AGREES.similarity, ACCEPTED), (0.9, ACCEPTED), (0.1, REVIEW)])
def test_any_number_of_photos_must_agree_and_more_agreement_never_harms(
    usable: int, agreement: float, outcome: str
) -> None:
    face = replace(finding(), photos=photos(*[None] * usable).photos, usable=usable, agreement=agreement)
    verdict = decide(claim(), evidence(face, agree=AGREES), POLICY)
    assert verdict.outcome is outcome
    assert (Reason.PHOTOS_DISAGREE in verdict.reasons) is (outcome is REVIEW)


def test_without_a_margin_nobody_is_ever_suspected() -> None:
    verdict = decide(claim(), evidence(impostor(0.1, 0.95), identify_margin=None), POLICY)
    assert verdict.outcome is REJECTED
    assert verdict.reasons == (Reason.FACE_MISMATCH,)


@pytest.mark.parametrize("most", [1, 2, 3, 4])
@pytest.mark.parametrize("before", [0, 1, 2, 3])
def test_the_mismatch_that_completes_the_policys_number_goes_to_a_human(most: int, before: int) -> None:
    policy = replace(POLICY, mismatches_before_review=most)
    verdict = decide(claim(), evidence(finding(0.1), history=History(mismatches=before)), policy)
    assert verdict.outcome is (REVIEW if before + 1 >= most else REJECTED)


def test_an_agreement_without_a_threshold_is_for_a_human() -> None:
    face = replace(finding(), photos=photos(None, None).photos, usable=2, agreement=0.9)
    unknown = AppliedThreshold(1e-2, "1/1", None, "none") if AGREES.similarity is not None else None
    assert decide(claim(), evidence(face, agree=unknown), POLICY).outcome is REVIEW


@pytest.mark.parametrize("wanting", [{"accept"}, {"review"}, {"accept", "review"}])
def test_who_is_uncertain_for_want_of_a_threshold_is_not_told_that_their_face_is_unclear(wanting: set[str]) -> None:
    none = AppliedThreshold(1e-3, "2/1", None, "none")
    known = evidence(finding(0.45))
    found = replace(
        known,
        accept=none if "accept" in wanting else known.accept,
        review=none if "review" in wanting else known.review,
    )
    verdict = decide(claim(), found, POLICY)
    assert (verdict.outcome, verdict.reasons, verdict.field) == (REVIEW, (Reason.SIMILARITY_UNCERTAIN,), NO_THRESHOLD)
    assert "no fault of yours" in sentence(verdict.outcome, verdict.reasons, None, None, verdict.field).en


def test_who_is_uncertain_by_a_threshold_is_told_what_helps() -> None:
    verdict = decide(claim(), evidence(finding(0.45)), POLICY)
    assert verdict.field is None
    assert "look straight" in sentence(verdict.outcome, verdict.reasons, None, None, verdict.field).en
