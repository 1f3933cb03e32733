"""How much may be in hand between log and ledger: pause above, resume below. Pure."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Watermark", "Watermarks"]


@dataclass(frozen=True, slots=True)
class Watermarks:
    """Records and bytes taken and not yet written. A crash replays `high_records` at most."""

    high_records: int = 256
    low_records: int = 128
    high_bytes: int = 64 * 1_048_576
    low_bytes: int = 32 * 1_048_576
    take_records: int = 32
    """At most this many are taken at once, which bounds by how much the bytes may overshoot."""


class Watermark:
    """Counts what is in hand and says whether to fetch."""

    def __init__(self, policy: Watermarks) -> None:
        self._policy = policy
        self._full = False
        self.records = 0
        self.size_bytes = 0

    def add(self, size_bytes: int) -> None:
        """One record was taken."""
        self.records += 1
        self.size_bytes += size_bytes

    def remove(self, size_bytes: int) -> None:
        """One record was written or forgotten."""
        self.records -= 1
        self.size_bytes -= size_bytes

    def should_pause(self) -> bool:
        """True from reaching a high mark until both low marks are reached again."""
        policy = self._policy
        if self._full:
            self._full = self.records > policy.low_records or self.size_bytes > policy.low_bytes
        else:
            self._full = self.records >= policy.high_records or self.size_bytes >= policy.high_bytes
        return self._full

    def room(self) -> int:
        """How many records may be taken now."""
        return 0 if self._full else max(0, min(self._policy.take_records, self._policy.high_records - self.records))
