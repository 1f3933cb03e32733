"""What may be written and committed: the contiguous, resolved prefix of each partition. Pure."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["Entry", "Track"]

T = TypeVar("T")


@dataclass(slots=True)
class Entry(Generic[T]):
    """One record that was taken. `resolved` once everything is known that its verdict needs."""

    offset: int
    item: T
    resolved: bool = False


class Track(Generic[T]):
    """One partition, from assignment to loss. Records are decided in offset order, so an early finding waits.

    Offsets may have gaps (compaction, transaction markers): a record follows another when it was taken after it, not
    when its number is one higher.
    """

    def __init__(self) -> None:
        self._entries: deque[Entry[T]] = deque()
        self._last = -1

    def __len__(self) -> int:
        """Records taken and not yet written."""
        return len(self._entries)

    def add(self, offset: int, item: T) -> Entry[T]:
        """Take a record. Raises ValueError where it does not come behind the last one."""
        if offset <= self._last:
            raise ValueError(f"offset {offset} came after {self._last}: a source hands out a partition in order")
        self._last = offset
        self._entries.append(Entry(offset, item))
        return self._entries[-1]

    def first(self) -> T | None:
        """The oldest record that is not written, None where all are."""
        return self._entries[0].item if self._entries else None

    def items(self) -> list[T]:
        """All records that are not written, in order."""
        return [entry.item for entry in self._entries]

    def prefix(self, most: int) -> list[Entry[T]]:
        """The records that may be written now, in offset order: resolved, with nothing unresolved before them."""
        ready: list[Entry[T]] = []
        for entry in self._entries:
            if not entry.resolved or len(ready) >= most:
                break
            ready.append(entry)
        return ready

    def drop_below(self, next_offset: int) -> list[T]:
        """Forget what is durable: everything below `next_offset`. Returns what was forgotten."""
        dropped: list[T] = []
        while self._entries and self._entries[0].offset < next_offset:
            dropped.append(self._entries.popleft().item)
        self._last = max(self._last, next_offset - 1)
        return dropped
