"""What a person's earlier verdicts of one shift and direction say about the next one."""

from __future__ import annotations

from collections.abc import Collection

from hadir.core.evidence import History
from hadir.core.verdict import Outcome, Reason

__all__ = ["extended"]


def extended(history: History, outcome: Outcome, reasons: Collection[Reason]) -> History:
    """The history after one more row of revision 0: an accepted one starts the count of mismatches anew."""
    if outcome is Outcome.ACCEPTED:
        return History(mismatches=0, accepted=True)
    return History(history.mismatches + (Reason.FACE_MISMATCH in reasons), history.accepted)
