"""Pointers that are lost or damaged, set again: from what running pipelines serve, and from the history."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hadir.app.gate_run import GateRun, limits_of
from hadir.app.operator_name import operator_name
from hadir.app.promoting import Switch, Wish
from hadir.app.replica_wait import wait_for_replicas
from hadir.core.clock import Clock
from hadir.core.errors import SnapshotError
from hadir.core.settings import Settings
from hadir.index.acknowledgements import Acknowledgement, read_acknowledgements
from hadir.index.gates import GateResult
from hadir.index.pointers import Pointers, read_pointers
from hadir.index.promotion import History, Note, Standing, read_history, restore_noted, standing

__all__ = ["needs_repair", "repair"]


def needs_repair(root: Path) -> bool:
    """Whether the pointers under `root` are damaged, or name nothing that serves."""
    try:
        return read_pointers(root).current is None
    except SnapshotError:
        return True


def repair(
    settings: Settings,
    root: Path,
    snapshot_id: str | None,
    wish: Wish,
    *,
    clock: Clock,
    sleep: Callable[[float], None],
    told: Callable[[GateResult], None] = lambda _: None,
) -> Switch:
    """Let the pointers name what serves. `snapshot_id` None: what every running pipeline serves; where none runs, what
    the history says last. What one can go back to is the history's.

    It has served, so it must only be sound and have its pack here. A candidate is to be named anew.

    Raises:
        SnapshotError: something serves and nothing is to be repaired; or nobody knows what served, or running
            pipelines disagree, and it must be named.
    """
    limits, history = limits_of(settings), read_history(root)
    oldest_ms = clock.now_ms() - limits.replicas.stale_after_s * 1000
    live = [one for one in read_acknowledgements(root) if one.at_ms >= oldest_ms]
    last = _last(history, live)
    chosen = snapshot_id or _served(root, live, last)
    gates = []
    for gate in GateRun(settings, root, Pointers(), clock.now_ms()).servable(chosen):
        told(gate)
        gates.append(gate)
    if any(not gate.ok for gate in gates):
        return Switch(chosen, Pointers(), tuple(gates))
    note = Note(clock.now_ms(), wish.by or operator_name(), wish.reason, gates=tuple(gates))
    after = restore_noted(root, chosen, last, note)
    stale_s = limits.replicas.stale_after_s
    followed = wait_for_replicas(root, chosen, wish.wait_s, stale_s, clock=clock, sleep=sleep)
    return Switch(chosen, Pointers(), tuple(gates), after, followed)


def _last(history: History, live: list[Acknowledgement]) -> Standing:
    """What the pointers were. Whether the last change happened, running pipelines know: not, where they serve what was
    before it and none of them was asked for more."""
    final = history.promotions[-1] if history.promotions else None
    before_it = final is not None and {one.snapshot for one in live} == {final.from_snapshot}
    asked = final is not None and any(one.refused == final.to_snapshot for one in live)
    return standing(history, last_happened=asked or not before_it)


def _served(root: Path, live: list[Acknowledgement], last: Standing) -> str:
    serving = sorted({one.snapshot for one in live})
    if len(serving) > 1:
        raise SnapshotError(
            f"running pipelines serve {' and '.join(serving)}: name the one that should (hadir index repair ID)"
        )
    chosen = serving[0] if serving else last.current
    if chosen is None:
        raise SnapshotError(
            f"nobody knows what served under {root}: name the snapshot that should (hadir index list, hadir index "
            "repair ID)"
        )
    return chosen
