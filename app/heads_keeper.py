"""A copy of the ledger's chain heads, kept up while it grows."""

from __future__ import annotations

from pathlib import Path

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_heads import write_heads
from hadir.core.clock import Clock
from hadir.pipeline.observer import InHand, Written

__all__ = ["HeadsKeeper"]


class HeadsKeeper:
    """Appends the chain heads to a file: a copy kept elsewhere proves later that no tail was cut."""

    def __init__(self, ledger: Ledger, path: Path, every_s: float, clock: Clock) -> None:
        self._ledger, self._path, self._every_s, self._clock = ledger, path, every_s, clock
        self._next_s = clock.monotonic_s()

    def keep(self) -> None:
        """Write them now."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        write_heads(self._path, self._ledger.heads(), self._clock.now_ms())
        self._next_s = self._clock.monotonic_s() + self._every_s

    def on_written(self, written: Written) -> None:
        if written.rows and self._clock.monotonic_s() >= self._next_s:
            self.keep()

    def on_received(self, records: int) -> None: ...

    def on_batch(self, photos: int, limit: int) -> None: ...

    def on_in_hand(self, in_hand: InHand) -> None: ...

    def on_retry(self, part: str, code: str) -> None: ...
