"""What earlier verdicts of a shift say about the next one."""

from __future__ import annotations

import pytest

from hadir.attendance.ledger_history import extended
from hadir.core.evidence import History
from hadir.core.verdict import Outcome, Reason


@pytest.mark.parametrize("outcome", [Outcome.REJECTED, Outcome.REVIEW])
def test_a_mismatch_counts_whatever_else_was_wrong(outcome: Outcome) -> None:
    assert extended(History(1), outcome, (Reason.FACE_MISMATCH, Reason.CLOCK_SKEW)) == History(2)


@pytest.mark.parametrize("reason", [Reason.NO_FACE, Reason.IMPOSTOR_SUSPECTED, Reason.SIMILARITY_UNCERTAIN])
def test_another_refusal_neither_counts_nor_clears(reason: Reason) -> None:
    assert extended(History(2, accepted=True), Outcome.REJECTED, (reason,)) == History(2, accepted=True)


def test_an_accepted_row_starts_the_count_anew() -> None:
    assert extended(History(2), Outcome.ACCEPTED, (Reason.OK,)) == History(0, accepted=True)
