"""Reading parts of a topic of the log in memory without a group."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.memory import MemoryLog
from hadir.pipeline.ports import Record

__all__ = ["MemoryReader"]

AT_ONCE = 256


class MemoryReader:
    """A `LastingLogReader` of a memory log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def bounds(self, topic: str) -> dict[int, Stretch]:
        with self._log.lock:
            return {
                p: Stretch(p, self._log.start(topic, p), self._log.end(topic, p)) for p in self._log.partitions(topic)
            }

    def offsets_at(self, topic: str, at_ms: int) -> dict[int, int]:
        ends = {p: self._log.end(topic, p) for p in self._log.partitions(topic)}
        later = [record for record in self._log.read(topic) if record.timestamp_ms >= at_ms]
        return ends | {record.partition: record.offset for record in reversed(later)}

    def committed(self, topic: str, group: str) -> dict[int, int]:
        return self._log.committed(topic, group)

    def read(self, topic: str, stretches: Sequence[Stretch]) -> Iterator[list[Record]]:
        for one in stretches:
            at = max(one.first, self._log.start(topic, one.partition))
            while records := self._log.fetch(topic, one.partition, at, max(0, min(AT_ONCE, one.end - at))):
                at = records[-1].offset + 1
                yield records

    def close(self) -> None:
        pass
