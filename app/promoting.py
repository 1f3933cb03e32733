"""One promotion, from the gates to the last replica; one rollback. What of it is printed is the commands' business."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from hadir.app.gate_run import UNFORCEABLE, GateRun, limits_of
from hadir.app.operator_name import operator_name
from hadir.app.replica_wait import wait_for_replicas
from hadir.app.stores import gallery_root
from hadir.core.clock import Clock
from hadir.core.errors import SnapshotError
from hadir.core.settings import Settings
from hadir.index.acknowledgements import Agreement
from hadir.index.galleries import galleries
from hadir.index.gates import GateResult, shadow_gate
from hadir.index.pointers import Pointers, nudge, read_pointers, set_candidate, snapshot_folder
from hadir.index.promotion import Note, promote_noted, read_history, rollback_noted
from hadir.index.snapshot_diff import enrolled

__all__ = ["Placed", "Promoting", "Shadow", "ShadowFound", "Switch", "Wish", "first_or_candidate"]

Placed = Literal["first", "current", "candidate"]


class ShadowFound(Protocol):
    """Live check-ins that were decided by both snapshots, and how many of their verdicts differ."""

    @property
    def compared(self) -> int: ...

    @property
    def changed(self) -> int: ...


Shadow = Callable[[str, int, float], ShadowFound]
"""Lets a snapshot decide so many live check-ins beside the one that serves; blocks until they are compared, or for so
many seconds and what deciding the last of them takes."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Why, who, whether in spite of failed gates, and how long to wait for the replicas. `shadow`: how many live
    check-ins both decide first, heard for `listen_s` seconds at most."""

    reason: str = ""
    by: str | None = None
    force: bool = False
    wait_s: float = 30.0
    shadow: int = 0
    listen_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Switch:
    """What came of it. `after` and `agreement` are None where a gate kept it from happening. `lost` are people whom a
    way back leaves behind: they served before it and do not after it, ascending; no history keeps their ids.
    `same_space`: whether what served before is of the same embedding space."""

    snapshot: str
    before: Pointers
    gates: tuple[GateResult, ...]
    after: Pointers | None = None
    agreement: Agreement | None = None
    lost: tuple[str, ...] = ()
    same_space: bool = True

    @property
    def failed(self) -> tuple[GateResult, ...]:
        """The gates that said no."""
        return tuple(gate for gate in self.gates if not gate.ok)


class Promoting:
    """Changes what serves under `root`. Blocks; `told` hears of every gate as soon as it is measured."""

    def __init__(
        self,
        settings: Settings,
        root: Path,
        clock: Clock,
        sleep: Callable[[float], None],
        told: Callable[[GateResult], None] = lambda _: None,
        *,
        shadow: Shadow | None = None,
    ) -> None:
        self._settings = settings
        self._root = root
        self._clock = clock
        self._sleep = sleep
        self._told = told
        self._shadow = shadow
        self._limits = limits_of(settings)

    def promote(self, snapshot_id: str, wish: Wish) -> Switch:
        """Through the gates, or in spite of those that can be forced; then wait for the replicas.

        Raises:
            SnapshotError: there is no such snapshot, or another command has changed what serves meanwhile.
        """
        before = read_pointers(self._root)
        run = GateRun(self._settings, self._root, before, self._clock.now_ms())
        if snapshot_id == before.current:
            return self._ask_again(before, run, wish)
        gates = self._measured(run.results(snapshot_id))
        if wish.shadow and not self._stops(gates, wish):
            gates += self._measured(self._shadowed(snapshot_id, wish))
        if self._stops(gates, wish):
            return Switch(snapshot_id, before, gates)
        forced = any(not gate.ok for gate in gates)
        note = Note(self._clock.now_ms(), _who(wish), wish.reason, forced, gates)
        after = promote_noted(self._root, snapshot_id, note, before.generation)
        return Switch(snapshot_id, before, gates, after, self._followed(snapshot_id, wish))

    def _ask_again(self, before: Pointers, run: GateRun, wish: Wish) -> Switch:
        """It serves already, but a replica may have refused it: that one looks again only when the pointers change."""
        assert before.current is not None
        gates = self._measured(run.servable(before.current))
        if any(not gate.ok for gate in gates):
            return Switch(before.current, before, gates)
        after = nudge(self._root)
        return Switch(before.current, before, gates, after, self._followed(before.current, wish))

    def roll_back(self, wish: Wish) -> Switch:
        """To the previous snapshot, which served before: it must only be sound and have its pack here.

        Whoever was enrolled since does not serve afterwards: that is no reason to stay with what is wrong, and said.

        Raises:
            SnapshotError: there is none, or another command has changed what serves meanwhile.
        """
        before = read_pointers(self._root)
        if before.previous is None:
            raise SnapshotError(f"there is nothing to go back to under {self._root}: no other snapshot served before")
        run = GateRun(self._settings, self._root, before, self._clock.now_ms())
        gates = self._measured(run.servable(before.previous))
        if any(not gate.ok for gate in gates):
            return Switch(before.previous, before, gates)
        lost, same_space = self._left_behind(before.current, before.previous)
        note = Note(self._clock.now_ms(), _who(wish), wish.reason, gates=gates)
        after = rollback_noted(self._root, note, before.generation)
        agreement = self._followed(before.previous, wish)
        return Switch(before.previous, before, gates, after, agreement, lost, same_space)

    def _left_behind(self, current: str | None, previous: str) -> tuple[tuple[str, ...], bool]:
        """People of the current snapshot whom the previous one lacks, and whether both are of one space.

        A current one that cannot be read is a reason to go back, not against it: then the gallery says who serves.
        """
        back = enrolled(snapshot_folder(self._root, previous))
        try:
            now = enrolled(snapshot_folder(self._root, current)) if current is not None else back
        except SnapshotError:
            people = {p for g in galleries(gallery_root(self._settings)) for p in g.owners().values()}
            return tuple(sorted(people - back.people.keys())), False
        same_space = now.manifest.space.name == back.manifest.space.name
        return tuple(sorted(now.people.keys() - back.people.keys())), same_space

    def _stops(self, gates: Iterable[GateResult], wish: Wish) -> bool:
        return any(not gate.ok and (not wish.force or gate.name in UNFORCEABLE) for gate in gates)

    def _shadowed(self, snapshot_id: str, wish: Wish) -> Iterator[GateResult]:
        if self._shadow is None:
            raise ValueError("a shadow was wished for, and nobody casts one")
        found = self._shadow(snapshot_id, wish.shadow, wish.listen_s)
        yield shadow_gate(found.changed, found.compared, wish.shadow, self._limits.shadow)

    def _measured(self, results: Iterable[GateResult]) -> tuple[GateResult, ...]:
        gates = []
        for gate in results:
            self._told(gate)
            gates.append(gate)
        return tuple(gates)

    def _followed(self, snapshot_id: str, wish: Wish) -> Agreement:
        silent_s = self._limits.replicas.stale_after_s
        return wait_for_replicas(self._root, snapshot_id, wish.wait_s, silent_s, clock=self._clock, sleep=self._sleep)


def _who(wish: Wish) -> str:
    return wish.by or operator_name()


def first_or_candidate(root: Path, snapshot_id: str, before: Pointers, reason: str, clock: Clock) -> Placed:
    """Let a snapshot that was just built serve where none ever did, and wait otherwise. Raises SnapshotError.

    Where only the pointers are gone (a history is there), nobody takes the place of what served but by hand.
    """
    if snapshot_id == before.current:
        return "current"
    if before.current is None and not read_history(root).promotions:
        note = Note(clock.now_ms(), operator_name(), reason or "the first one")
        promote_noted(root, snapshot_id, note, before.generation)
        return "first"
    set_candidate(root, snapshot_id)
    return "candidate"
