"""Reading parts of a topic of a real Apache Kafka without a group."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import OffsetOutOfRangeError

from hadir.core.clock import SystemClock
from hadir.core.errors import StreamError, StreamUnavailable
from hadir.pipeline.kafka_admin import KafkaCluster, answering, limit_kafka_logs, record_of, require_crc32c
from hadir.pipeline.kafka_reads import read_widely
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.ports import Record

__all__ = ["KafkaReader"]

POLL_MS = 100
POLL_RECORDS = 64
ASK_MS = 8000
STALLED_S = 30.0
"""So long without a record or an answer, and the log counts as unavailable."""

_Places = dict[int, TopicPartition]


class KafkaReader:
    """A `LogReader` that makes a client for every call and leaves none behind."""

    def __init__(self, cluster: KafkaCluster, *, lasting: bool = False) -> None:
        """Where it is `lasting`, one client answers `bounds` again and again until `close`: whoever asks every few
        seconds should not sign in at the brokers as often."""
        self._lasting = lasting
        self._kept: KafkaConsumer | None = None
        require_crc32c()
        read_widely()
        limit_kafka_logs(SystemClock())
        self._cluster = cluster

    def bounds(self, topic: str) -> dict[int, Stretch]:
        with self._lent() as consumer, answering(self._cluster, f"READ on topic {topic}"):
            places = list(self._places(consumer, topic).values())
            first = consumer.beginning_offsets(places, timeout_ms=ASK_MS)
            end = consumer.end_offsets(places, timeout_ms=ASK_MS)
            return {place.partition: Stretch(place.partition, first[place], end[place]) for place in places}

    def offsets_at(self, topic: str, at_ms: int) -> dict[int, int]:
        with closing(self._consumer()) as consumer, answering(self._cluster, f"READ on topic {topic}"):
            places = list(self._places(consumer, topic).values())
            found = consumer.offsets_for_times(dict.fromkeys(places, max(0, at_ms)), timeout_ms=ASK_MS)
            end = consumer.end_offsets(places, timeout_ms=ASK_MS)
            return {p.partition: end[p] if found.get(p) is None else found[p].offset for p in places}

    def committed(self, topic: str, group: str) -> dict[int, int]:
        with closing(self._consumer(group)) as consumer, answering(self._cluster, f"DESCRIBE on group {group}"):
            places = self._places(consumer, topic)
            found = {p: consumer.committed(place, timeout_ms=ASK_MS) for p, place in places.items()}
            return {partition: offset for partition, offset in found.items() if offset is not None}

    def read(self, topic: str, stretches: Sequence[Stretch]) -> Iterator[list[Record]]:
        with closing(self._consumer()) as consumer, answering(self._cluster, f"READ on topic {topic}"):
            reading = _Reading(consumer, self._places(consumer, topic), stretches, time.monotonic)
            while reading.goes_on():
                if records := reading.poll():
                    yield records

    def close(self) -> None:
        """As `LastingLogReader.close`."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    @contextmanager
    def _lent(self) -> Iterator[KafkaConsumer]:
        """A client; one that failed is not kept."""
        consumer, self._kept = self._kept or self._consumer(), None
        try:
            yield consumer
        except BaseException:
            consumer.close()
            raise
        if self._lasting:
            self._kept = consumer
        else:
            consumer.close()

    def _consumer(self, group: str | None = None) -> KafkaConsumer:
        with answering(self._cluster):
            return self._cluster.open(
                KafkaConsumer,
                group_id=group,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                check_crcs=True,
                max_poll_records=POLL_RECORDS,
                max_partition_fetch_bytes=4 * 1_048_576,
                fetch_max_bytes=16 * 1_048_576,
            )

    def _places(self, consumer: KafkaConsumer, topic: str) -> _Places:
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise StreamError(
                f"topic {topic} does not exist at {self._cluster.bootstrap}, or this user may not DESCRIBE it: make "
                "it, or grant that"
            )
        return {partition: TopicPartition(topic, partition) for partition in sorted(partitions)}


class _Reading:
    """Stretches on their way: one of each partition at a time; a partition without any more is paused."""

    def __init__(
        self, consumer: KafkaConsumer, places: _Places, stretches: Sequence[Stretch], monotonic_s: Callable[[], float]
    ) -> None:
        self._consumer, self._monotonic_s = consumer, monotonic_s
        self._todo: dict[TopicPartition, deque[Stretch]] = {}
        for one in stretches:
            if one.first < one.end:
                self._todo.setdefault(places[one.partition], deque()).append(one)
        consumer.assign(list(self._todo))
        for place in list(self._todo):
            self._seek(place)
        self._moved_s = monotonic_s()

    def goes_on(self) -> bool:
        """Whether anything is left to read."""
        return bool(self._todo)

    def poll(self) -> list[Record]:
        """The next records that were asked for, perhaps none. Raises StreamUnavailable where nothing moves any more."""
        try:
            polled = self._consumer.poll(timeout_ms=POLL_MS)
        except OffsetOutOfRangeError:
            # Retention was faster: what is gone is told by the bounds, the rest is read.
            for place in list(self._todo):
                self._seek(place, self._consumer.position(place))
            return []
        records: list[Record] = []
        for place, got in polled.items():
            if place in self._todo:
                end = self._todo[place][0].end
                records += [record_of(one) for one in got if one.offset < end]
        self._advance()
        if polled:
            self._moved_s = self._monotonic_s()
        elif self._todo and self._monotonic_s() - self._moved_s > STALLED_S:
            raise StreamUnavailable(f"Kafka has sent nothing for {STALLED_S:.0f} s while records were asked for: again")
        return records

    def _advance(self) -> None:
        for place in list(self._todo):
            if self._consumer.position(place) >= self._todo[place][0].end:
                self._todo[place].popleft()
                self._seek(place)

    def _seek(self, place: TopicPartition, least: int = 0) -> None:
        """Go to the beginning of this partition's next stretch, or what the log still holds of it, `least` or later."""
        first = self._consumer.beginning_offsets([place], timeout_ms=ASK_MS)[place]
        todo = self._todo[place]
        while todo and todo[0].end <= first:
            todo.popleft()
        if todo:
            self._consumer.seek(place, max(first, todo[0].first, least))
        else:
            del self._todo[place]
            self._consumer.pause(place)
