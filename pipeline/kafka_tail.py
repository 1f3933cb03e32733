"""Reading a topic of a real Apache Kafka without a group: all that is there, or all that comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition

from hadir.core.clock import SystemClock
from hadir.core.errors import StreamError
from hadir.pipeline.kafka_admin import KafkaCluster, answering, limit_kafka_logs, record_of, require_crc32c
from hadir.pipeline.ports import Record

__all__ = ["KafkaTail"]

POLL_MS = 100


class KafkaTail:
    """Reads without a group: nothing is committed, everybody sees everything."""

    def __init__(self, cluster: KafkaCluster) -> None:
        require_crc32c()
        limit_kafka_logs(SystemClock())
        self._cluster = cluster

    def read(self, topic: str) -> Iterator[Record]:
        """Everything that the topic holds at the time of the call; per partition in offset order.

        Raises:
            StreamUnavailable: no broker answers. StreamError: there is no such topic.
        """
        with closing(self._consumer()) as consumer:
            places = self._assign(consumer, topic)
            with answering(self._cluster):
                consumer.seek_to_beginning(*places)
                ends = consumer.end_offsets(places)
                while any(consumer.position(place) < ends[place] for place in places):
                    for place, records in consumer.poll(timeout_ms=POLL_MS).items():
                        yield from (record_of(record) for record in records if record.offset < ends[place])

    def ends(self, topic: str) -> dict[int, int]:
        """Each partition's next offset. Raises as `read`."""
        with closing(self._consumer()) as consumer:
            places = self._assign(consumer, topic)
            with answering(self._cluster):
                return {place.partition: end for place, end in consumer.end_offsets(places).items()}

    def follow(
        self,
        topic: str,
        stop: Callable[[], bool],
        *,
        ready: Callable[[], None] = lambda: None,
        since: Mapping[int, int] | None = None,
    ) -> Iterator[Record]:
        """What is written from now on, or from the offsets `since`, until `stop`, which is asked about every 100 ms.
        `ready` is called once nothing written after it can be missed. Raises as `read`."""
        since = self.ends(topic) if since is None else since
        with closing(self._consumer()) as consumer:
            places = self._assign(consumer, topic)
            with answering(self._cluster):
                for place in places:
                    consumer.seek(place, since[place.partition])
                ready()
                while not stop():
                    for records in consumer.poll(timeout_ms=POLL_MS).values():
                        yield from map(record_of, records)

    def _consumer(self) -> KafkaConsumer:
        with answering(self._cluster):
            return self._cluster.open(
                KafkaConsumer,
                enable_auto_commit=False,
                auto_offset_reset="none",
                allow_auto_create_topics=False,
                check_crcs=True,
                max_partition_fetch_bytes=4 * 1_048_576,
            )

    def _assign(self, consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
        with answering(self._cluster):
            partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise StreamError(f"topic {topic} does not exist at {self._cluster.bootstrap}: make it, or name another")
        places = [TopicPartition(topic, partition) for partition in sorted(partitions)]
        consumer.assign(places)
        return places
