"""Waits, for a while, until every running pipeline serves a snapshot."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hadir.core.clock import Clock
from hadir.core.errors import SnapshotError
from hadir.index.acknowledgements import Agreement, agreement, read_acknowledgements

__all__ = ["wait_for_replicas"]

_LOOK_EVERY_S = 0.2


def wait_for_replicas(
    root: Path, snapshot_id: str, wait_s: float, stale_after_s: float, *, clock: Clock, sleep: Callable[[float], None]
) -> Agreement:
    """Look until no live replica is pending or `wait_s` is over; what was found last. One that refuses is not waited
    for: it tries again only when the pointers change.

    Raises:
        SnapshotError: a replica's file was damaged, and still is at the end.
    """
    until_s = clock.monotonic_s() + wait_s
    while True:
        late = clock.monotonic_s() >= until_s
        try:
            found = agreement(read_acknowledgements(root), snapshot_id, clock.now_ms(), stale_after_s)
            if late or not found.pending:
                return found
        except SnapshotError:
            if late:
                raise
        sleep(_LOOK_EVERY_S)
