"""Whether this process lives, has started and is ready: what the probes of an orchestrator ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hadir.pipeline.membership import Membership

__all__ = ["Check", "Health", "Vitals"]

_ALONE = Membership(False, frozenset())


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that must hold; `said` is what stands, or what is missing."""

    name: str
    holds: bool
    said: str


@dataclass(frozen=True, slots=True)
class Vitals:
    """What is known at one moment. `serves` names pack and snapshot once both are loaded and tested; `still_for_s` is
    how long ago the loop began its latest round, None until it has started."""

    serves: str | None = None
    workers: int = 0
    workers_wanted: int = 0
    still_for_s: float | None = None
    membership: Membership = _ALONE
    stopping: bool = False


class Health:
    """Three questions, answered from the vitals of the moment, each by its checks in order; from any thread.

    *Alive* asks for the loop alone: a database or broker that is away is no reason to be killed, restarts mend neither.
    A start is always alive, it has a probe of its own, and so is a stop, which whoever asked for it gives its time.
    """

    def __init__(self, vitals: Callable[[], Vitals], stall_s: float) -> None:
        """`stall_s`: a loop that has been in one round for longer hangs."""
        self._vitals, self._stall_s = vitals, stall_s

    def alive(self) -> list[Check]:
        """Whether to leave the process alone."""
        return [self._loop(self._vitals())]

    def started(self) -> list[Check]:
        """Whether everything has been loaded, workers included, and the log been joined."""
        vitals = self._vitals()
        return [_index(vitals), _workers(vitals), _start(vitals)]

    def ready(self) -> list[Check]:
        """Whether check-ins are being answered here, or would be if this member had partitions."""
        vitals = self._vitals()
        return [_index(vitals), _workers(vitals), _start(vitals), _group(vitals), self._loop(vitals), _stays(vitals)]

    def _loop(self, vitals: Vitals) -> Check:
        if vitals.still_for_s is None:
            return Check("loop", True, "not started yet")
        hangs = vitals.still_for_s > self._stall_s and not vitals.stopping
        return Check("loop", not hangs, f"turned {vitals.still_for_s:.0f} s ago, limit {self._stall_s:.0f} s")


def _index(vitals: Vitals) -> Check:
    return Check("index", vitals.serves is not None, vitals.serves or "models and index are not loaded and tested yet")


def _workers(vitals: Vitals) -> Check:
    """One is enough: while another is replaced, check-ins are answered."""
    return Check("workers", vitals.workers > 0, f"{vitals.workers} of {vitals.workers_wanted} serve")


def _start(vitals: Vitals) -> Check:
    started = vitals.still_for_s is not None
    return Check("start", started, "done" if started else "not done yet")


def _group(vitals: Vitals) -> Check:
    if not vitals.membership.joined:
        return Check("group", False, "not a member of the consumer group")
    return Check("group", True, f"joined, {len(vitals.membership.partitions)} partitions")


def _stays(vitals: Vitals) -> Check:
    return Check("stay", not vitals.stopping, "stopping: finishes what is in hand" if vitals.stopping else "runs")
