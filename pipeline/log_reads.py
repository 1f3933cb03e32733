"""Reading parts of a topic as a bystander: no group is joined, nothing is committed, nobody is disturbed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from hadir.pipeline.ports import Record

__all__ = ["LastingLogReader", "LogReader", "Stretch"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Offsets of one partition: from `first` on, below `end`."""

    partition: int
    first: int
    end: int


class LogReader(Protocol):
    """What reconciling asks of the log. Every method blocks on the network and may be called from any one thread.

    Raises, every method: StreamUnavailable where no broker answers; SetupError where this user may not read, naming
    topic and operation; StreamError where there is no such topic.
    """

    def bounds(self, topic: str) -> dict[int, Stretch]:
        """What each partition holds now: from its oldest record to the next one that will be written."""
        ...

    def offsets_at(self, topic: str, at_ms: int) -> dict[int, int]:
        """Per partition the first record that the log stamped at this UTC time or later; its end if none is."""
        ...

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """The offsets that a group has committed, partitions without one left out."""
        ...

    def read(self, topic: str, stretches: Sequence[Stretch]) -> Iterator[list[Record]]:
        """Every record of these stretches that the log still holds, a handful at a time; per partition in the order in
        which the stretches are given, and in offset order within each."""
        ...


class LastingLogReader(LogReader, Protocol):
    """One that is asked again and again, and may keep what it needs for that between two calls."""

    def close(self) -> None:
        """Give it up. Idempotent."""
        ...
