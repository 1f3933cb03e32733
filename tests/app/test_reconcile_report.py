"""The last line of a reconciliation: whoever reads nothing else must not be told that all is well when it is not."""

from __future__ import annotations

import pytest

from hadir.app.reconcile_report import last_line
from hadir.pipeline.reconcile import FaultKind, HourCounts, Reconciled


def found(**faults: int) -> Reconciled:
    counts = dict.fromkeys(FaultKind, 0) | {FaultKind(kind): count for kind, count in faults.items()}
    hours = {(0, "u"): HourCounts(records=5, decided=3, undecided=2)}
    return Reconciled(hours, (), counts, None)


def test_where_all_is_well_it_ends_with_missing_and_doubled() -> None:
    assert last_line(found()) == "received 5, decided 3, missing 0, doubled 0"


@pytest.mark.parametrize("kind", [k.value for k in FaultKind if k not in {FaultKind.MISSING, FaultKind.DOUBLED}])
def test_any_other_fault_stands_behind_them(kind: str) -> None:
    assert last_line(found(**{kind: 2})) == f"received 5, decided 3, missing 0, doubled 0, {kind} 2"
