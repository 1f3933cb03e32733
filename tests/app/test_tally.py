"""Sent against decided, joined by id."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from hypothesis import strategies as st

from hadir.app.scenarios import Expected
from hadir.app.tally import Mismatch, tally
from hadir.core.verdict import Outcome

TRUTH = [Expected("a", Outcome.ACCEPTED, "ok"), Expected("b", Outcome.REJECTED, "no_face")]


def row(identity: str, outcome: str, *reasons: str, revision: int = 0) -> Mapping[str, object]:
    return {"id": identity, "revision": revision, "outcome": outcome, "reasons": list(reasons)}


def test_what_came_as_expected_leaves_nothing_to_say() -> None:
    found = tally(TRUTH, [row("a", "accepted", "ok", "repeated"), row("b", "rejected", "no_face")])
    assert (found.rows, found.missing, found.doubled, found.mismatches) == (2, (), (), ())
    assert found.outcomes == {"accepted": 1, "rejected": 1}


def test_an_id_without_a_row_is_missing_and_a_mismatch() -> None:
    found = tally(TRUTH, [row("a", "accepted", "ok")])
    assert found.missing == ("b",)
    assert found.mismatches == (Mismatch("b", "rejected no_face", "no row"),)


def test_a_second_row_of_revision_0_is_doubled_and_a_humans_revision_is_not() -> None:
    rows = [row("a", "accepted", "ok"), row("b", "rejected", "no_face"), row("b", "accepted", "human", revision=1)]
    assert tally(TRUTH, rows).doubled == ()
    assert tally(TRUTH, [*rows, rows[0]]).doubled == ("a",)


def test_a_row_that_nobody_expected_is_a_mismatch() -> None:
    found = tally([], [row("c", "review", "no_shift")])
    assert found.mismatches == (Mismatch("c", "no row", "review no_shift"),)
    assert found.missing == ()


def test_the_first_reason_and_the_outcome_both_count() -> None:
    rows = [row("a", "accepted", "late", "ok"), row("b", "review", "no_face")]
    assert [wrong.id for wrong in tally(TRUTH, rows).mismatches] == ["a", "b"]


@given(st.lists(st.sampled_from("abcde"), max_size=12))
def test_every_row_is_counted_whoever_expected_it(ids: list[str]) -> None:
    found = tally(TRUTH, [row(identity, "accepted", "ok") for identity in ids])
    assert found.rows == len(ids) == sum(found.outcomes.values())
    assert set(found.missing) == {"a", "b"} - set(ids)
    assert set(found.doubled) == {identity for identity in ids if ids.count(identity) > 1}
