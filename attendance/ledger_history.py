"""What a person's earlier verdicts of one shift and direction say about the next one."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from hadir.attendance.ledger_row import HistoryKey
from hadir.attendance.ledger_tables import reasons_of
from hadir.core.evidence import History
from hadir.core.verdict import Outcome, Reason

__all__ = ["extended", "histories"]

_ACCEPTED = History(mismatches=0, accepted=True)


def extended(history: History, outcome: Outcome, reasons: Collection[Reason]) -> History:
    """The history after one more row of revision 0: an accepted one starts the count of mismatches anew."""
    if outcome is Outcome.ACCEPTED:
        return _ACCEPTED
    return History(history.mismatches + (Reason.FACE_MISMATCH in reasons), history.accepted)


def histories(keys: Collection[HistoryKey], rows: Iterable[Any]) -> dict[HistoryKey, History]:
    """The history of every key; `History()` where no row is of it.

    `rows` are (person, direction, shift, outcome, reasons) as stored, in the order of reception; others than those
    asked for may be among them. A plain tuple is looked up in a quarter of a key's time, and a morning has many rows.
    """
    found = {(key.person, key.direction, key.shift): History() for key in keys}
    for person, direction, shift, outcome, reasons in rows:
        key = (person, direction, shift)
        if (before := found.get(key)) is not None:
            found[key] = extended(before, Outcome(outcome), reasons_of(reasons))
    return {key: found[key.person, key.direction, key.shift] for key in keys}
