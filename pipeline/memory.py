"""The log in memory: topics, partitions, groups and offsets that obey Kafka's rules. For laptops, demos and tests."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hadir.core.clock import Clock
from hadir.core.errors import LedgerUnavailable, SetupError, StreamError
from hadir.core.message import Message
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.membership import Membership
from hadir.pipeline.offsets_held import require_held
from hadir.pipeline.partitioner import partition_of
from hadir.pipeline.ports import Record, Wake
from hadir.pipeline.topics import TopicSpec, with_partitions

__all__ = ["MemoryLog", "MemorySink", "MemorySource"]

FOLLOW_RECORDS = 256
FOLLOW_S = 0.1


@dataclass(slots=True)
class _Partition:
    """`records[0]` has offset `start`: what came before was trimmed."""

    start: int = 0
    records: list[Record] = field(default_factory=list)

    @property
    def end(self) -> int:
        return self.start + len(self.records)


class MemoryLog:
    """One broker's worth of topics. Every method may be called from any thread."""

    def __init__(self, clock: Clock, topics: Sequence[TopicSpec] = with_partitions(4)) -> None:
        """`clock` gives the append time, which is what `received_at` means."""
        self._clock = clock
        self._specs = {spec.name: spec for spec in topics}
        self._partitions = {spec.name: [_Partition() for _ in range(spec.partitions)] for spec in topics}
        self._committed: dict[tuple[str, str], dict[int, int]] = {}
        self._members: dict[tuple[str, str], list[MemorySource]] = {}
        self._wakes: list[Wake] = []
        self.lock = threading.RLock()

    def append(self, message: Message) -> Record:
        """Store one record durably, as far as memory is durable.

        Raises:
            StreamError: the topic does not exist, or the record is larger than the topic takes.
        """
        with self.lock:
            spec = self._spec(message.topic)
            size = len(message.value) + len(message.key or b"")
            if size > spec.max_record_bytes:
                raise StreamError(f"a record of {size} bytes for {spec.name}, which takes {spec.max_record_bytes}")
            number = partition_of(message.key, spec.partitions)
            partition = self._partitions[spec.name][number]
            now_ms = self._clock.now_ms()
            record = Record(number, partition.end, now_ms, message.key, message.value, message.headers)
            partition.records.append(record)
            wakes = list(self._wakes)
        for wake in wakes:
            wake()
        return record

    def partitions(self, topic: str) -> range:
        """The topic's partition numbers. Raises StreamError where there is no such topic."""
        return range(self._spec(topic).partitions)

    def fetch(self, topic: str, partition: int, offset: int, limit: int) -> list[Record]:
        """Records from `offset` on. Raises OffsetLost where the next one was trimmed or never was."""
        with self.lock:
            found = self._partitions[topic][partition]
            require_held(topic, Stretch(partition, found.start, found.end), offset)
            return found.records[offset - found.start : offset - found.start + limit]

    def start(self, topic: str, partition: int) -> int:
        """The oldest offset that is held."""
        with self.lock:
            return self._partitions[topic][partition].start

    def end(self, topic: str, partition: int) -> int:
        """The next offset that will be written."""
        with self.lock:
            return self._partitions[topic][partition].end

    def trim(self, topic: str, partition: int, before: int) -> None:
        """Forget records below `before`, as retention does."""
        with self.lock:
            found = self._partitions[topic][partition]
            del found.records[: max(0, before - found.start)]
            found.start = max(found.start, before)

    def committed(self, topic: str, group: str) -> dict[int, int]:
        """What a group has committed."""
        with self.lock:
            return dict(self._committed.get((topic, group), {}))

    def commit(self, topic: str, group: str, offsets: Mapping[int, int]) -> None:
        """Store a group's next offsets."""
        with self.lock:
            self._committed.setdefault((topic, group), {}).update(offsets)

    def read(self, topic: str) -> Iterator[Record]:
        """Everything that a topic holds now, by partition and offset."""
        for number in self.partitions(topic):
            with self.lock:
                records = list(self._partitions[topic][number].records)
            yield from records

    def follow(
        self, topic: str, stop: Callable[[], bool], *, ready: Callable[[], None] = lambda: None
    ) -> Iterator[Record]:
        """What is written from now on, until `stop`, which is asked about every 100 ms. `ready` is called once nothing
        written after it can be missed."""
        bell = threading.Event()
        with self.lock:
            following = {number: self.end(topic, number) for number in self.partitions(topic)}
            self._wakes.append(bell.set)
        ready()
        try:
            while not stop():
                bell.clear()
                for number, offset in following.items():
                    records = self.fetch(topic, number, offset, FOLLOW_RECORDS)
                    following[number] = offset + len(records)
                    yield from records
                bell.wait(FOLLOW_S)
        finally:
            with self.lock:
                self._wakes.remove(bell.set)

    def join(self, source: MemorySource, wake: Wake) -> None:
        """A member comes: its group shares the partitions anew."""
        with self.lock:
            self._wakes.append(wake)
            self._members.setdefault(source.team, []).append(source)
            self._share(source.team)

    def leave(self, source: MemorySource, wake: Wake) -> None:
        """A member goes."""
        with self.lock:
            members = self._members.get(source.team, [])
            if source in members:
                members.remove(source)
                self._wakes.remove(wake)
                self._share(source.team)

    def _share(self, team: tuple[str, str]) -> None:
        members = self._members[team]
        for at, member in enumerate(members):
            member.assign(frozenset(p for p in self.partitions(team[0]) if p % len(members) == at))

    def _spec(self, topic: str) -> TopicSpec:
        if topic not in self._specs:
            raise StreamError(f"topic {topic} does not exist; there are {', '.join(sorted(self._specs))}")
        return self._specs[topic]


class MemorySource:
    """A member of a group that reads one topic."""

    def __init__(self, log: MemoryLog, topic: str, group: str = "hadir") -> None:
        self.team = (topic, group)
        self._log = log
        self._topic = topic
        self._group = group
        self._next: dict[int, int] = {}
        self._taken_away: set[int] = set()
        self._paused = False
        self._wake: Wake | None = None
        self._positions: Callable[[Collection[int]], Mapping[int, int]] = lambda _: {}

    def start(self, wake: Wake, positions: Callable[[Collection[int]], Mapping[int, int]]) -> None:
        try:
            self._log.partitions(self._topic)
        except StreamError as err:
            raise SetupError(str(err)) from err
        self._wake, self._positions = wake, positions
        self._log.join(self, wake)
        wake()

    def assign(self, partitions: frozenset[int]) -> None:
        """The log's word on what this member reads from now on; called under the log's lock."""
        for gone in self._next.keys() - partitions:
            del self._next[gone]
            self._taken_away.add(gone)
        new = partitions - self._next.keys()
        if new:
            committed, stored = self._log.committed(self._topic, self._group), self._stored(new)
            self._next.update({p: stored.get(p, committed.get(p, 0)) for p in new})
            # What the ledger has decided is said to the log too: else lag would be seen where nothing waits.
            self._log.commit(self._topic, self._group, {p: stored[p] for p in new if p in stored})
        if self._wake is not None:
            self._wake()

    def take(self, limit: int) -> list[Record]:
        with self._log.lock:
            taken: list[Record] = []
            # Turns, so that one busy partition does not starve the others.
            for partition in sorted(self._next, key=lambda p: (self._next[p], p)):
                # What is reported as lost first, and only then handed out again, cannot be mixed up with what was.
                if partition not in self._taken_away and len(taken) < limit:
                    found = self._log.fetch(self._topic, partition, self._next[partition], limit - len(taken))
                    self._next[partition] += len(found)
                    taken += found
            return taken

    def lost(self) -> frozenset[int]:
        with self._log.lock:
            lost, self._taken_away = frozenset(self._taken_away), set()
            return lost

    def membership(self) -> Membership:
        with self._log.lock:
            return Membership(self._wake is not None, frozenset(self._next))

    def seek(self, offsets: Mapping[int, int]) -> None:
        with self._log.lock:
            self._next.update({p: offset for p, offset in offsets.items() if p in self._next})
        if self._wake is not None:
            self._wake()

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        with self._log.lock:
            owned = {p: offset for p, offset in next_offsets.items() if p in self._next}
            self._log.commit(self._topic, self._group, owned)

    def pause(self) -> None:
        self._paused = True

    def resume(self) -> None:
        self._paused = False

    def _stored(self, partitions: Collection[int]) -> Mapping[int, int]:
        try:
            return self._positions(partitions)
        except LedgerUnavailable:
            # The committed offset is never ahead, and the writer drops what is below the ledger's position.
            return {}

    def close(self) -> None:
        if self._wake is not None:
            self._log.leave(self, self._wake)
            self._wake = None


class MemorySink:
    """Writes into a memory log."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log

    def send(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._log.append(message)

    def close(self) -> None:
        pass
