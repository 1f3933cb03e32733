"""Sentences that explain, and betray nobody."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.wording import MOST_REASONS, sentence
from hadir.core.verdict import Outcome, Reason

OUTCOMES = {outcome: sentence(outcome, (), None, None, None) for outcome in Outcome}


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("figures", [(None, None, None), (12, 345.6, "fix.accuracy_m")])
def test_every_reason_has_a_sentence_in_both_languages_without_a_placeholder(
    reason: Reason, figures: tuple[int | None, float | None, str | None]
) -> None:
    told = sentence(Outcome.REVIEW, (reason,), *figures)
    for text, opening in ((told.id, OUTCOMES[Outcome.REVIEW].id), (told.en, OUTCOMES[Outcome.REVIEW].en)):
        assert text.startswith(opening)
        assert len(text) > len(opening) + 10
        assert text.endswith(".")
        assert not set("{}_") & set(text.replace("fix.accuracy_m", ""))
    assert told.id != told.en


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.REVIEW])
def test_a_suspected_impostor_reads_like_any_mismatch(outcome: Outcome) -> None:
    suspected = sentence(outcome, (Reason.IMPOSTOR_SUSPECTED,), None, 12.0, None)
    assert suspected == sentence(outcome, (Reason.FACE_MISMATCH,), None, 12.0, None)


@pytest.mark.parametrize("reason", sorted(set(Reason) - {Reason.SEVERAL_FACES}))
def test_no_sentence_speaks_of_another_person(reason: Reason) -> None:
    told = sentence(Outcome.REVIEW, (reason,), 1, 1.0, "fix")
    for word in ("orang lain", "pegawai lain", "rekan", "another person", "someone", "somebody", "colleague", "fake"):
        assert word not in told.id.lower()
        assert word not in told.en.lower()


def test_minutes_are_told_in_both_languages() -> None:
    told = sentence(Outcome.ACCEPTED, (Reason.LATE,), 1, None, None)
    assert "1 menit setelah" in told.id
    assert "1 minute after" in told.en
    assert "2 minutes before" in sentence(Outcome.ACCEPTED, (Reason.EARLY_LEAVE,), 2, None, None).en


@pytest.mark.parametrize(
    ("distance_m", "id_words", "en_words"),
    [
        (345.6, "346 meter", "346 metres"),
        (999.4, "999 meter", "999 metres"),
        (999.5, "1,0 kilometer", "1.0 kilometres"),
        (12_345.0, "12,3 kilometer", "12.3 kilometres"),
    ],
)
def test_the_distance_is_told_as_people_say_it(distance_m: float, id_words: str, en_words: str) -> None:
    told = sentence(Outcome.REJECTED, (Reason.OUTSIDE_SITE,), None, distance_m, None)
    assert id_words in told.id
    assert en_words in told.en


def test_the_distance_is_told_only_to_whom_it_explains_something() -> None:
    assert "meter" not in sentence(Outcome.ACCEPTED, (Reason.OK,), None, 20.0, None).id


def test_an_invalid_field_is_named_but_never_a_text_from_outside() -> None:
    assert "'photos'" in sentence(Outcome.REJECTED, (Reason.INVALID_FIELD,), None, None, "photos").en
    assert "<" not in sentence(Outcome.REJECTED, (Reason.INVALID_FIELD,), None, None, "<script>").en


def test_the_deciding_reason_comes_first_and_three_are_told() -> None:
    reasons = (Reason.OUTSIDE_SITE, Reason.MOCK_LOCATION, Reason.CLOCK_SKEW, Reason.PHOTOS_DISAGREE)
    told = sentence(Outcome.REJECTED, reasons, None, None, None).en
    assert told.index("outside") < told.index("mock") < told.index("clock")
    assert "each other" not in told
    assert len(reasons) > MOST_REASONS


def test_a_refusal_does_not_speak_of_lateness() -> None:
    told = sentence(Outcome.REJECTED, (Reason.NO_FACE, Reason.LATE), 12, None, None)
    assert told == sentence(Outcome.REJECTED, (Reason.NO_FACE,), None, None, None)
    assert "12 menit" in sentence(Outcome.REVIEW, (Reason.MOCK_LOCATION, Reason.LATE), 12, None, None).id


def test_the_precise_photo_code_replaces_the_general_one() -> None:
    told = sentence(Outcome.REJECTED, (Reason.PHOTO_UNREADABLE, Reason.PHOTO_TRUNCATED), None, None, None)
    assert told == sentence(Outcome.REJECTED, (Reason.PHOTO_TRUNCATED,), None, None, None)


@given(
    st.sampled_from(Outcome),
    st.lists(st.sampled_from(Reason), max_size=8, unique=True),
    st.none() | st.integers(0, 10_000),
    st.none() | st.floats(0, 2.1e7),
    st.none() | st.text(max_size=50),
)
def test_any_verdict_has_a_sentence(
    outcome: Outcome, reasons: list[Reason], minutes: int | None, distance_m: float | None, field: str | None
) -> None:
    told = sentence(outcome, reasons, minutes, distance_m, field)
    assert told.id.startswith(OUTCOMES[outcome].id)
    assert told.en.startswith(OUTCOMES[outcome].en)
    assert len(told.id) < 1000
