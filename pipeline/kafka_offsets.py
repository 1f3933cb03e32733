"""A group's place in a topic: looked at, and moved on purpose."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from hadir.core.errors import StreamError
from hadir.pipeline.kafka_admin import KafkaCluster, answering

__all__ = ["skip_to_end", "stands"]

ANSWER_MS = 5000


def skip_to_end(cluster: KafkaCluster, topic: str, group: str) -> None:
    """Let `group`, which must have no members, begin behind everything that the topic holds now.

    For demos and benchmarks alone: what is skipped is never decided by this group.

    Raises:
        StreamUnavailable: no broker answers. StreamError: there is no such topic.
    """
    with answering(cluster), closing(KafkaConsumer(group_id=group, enable_auto_commit=False, **cluster.options())) as c:
        places = _places(c, cluster, topic)
        c.assign(places)
        c.commit({place: OffsetAndMetadata(end, "", -1) for place, end in c.end_offsets(places).items()})


def stands(cluster: KafkaCluster, topic: str, group: str) -> tuple[dict[int, int], dict[int, int]]:
    """The group's committed offsets, without those of partitions where it never committed, and the topic's ends, per
    partition. Looks on from outside: the group does not notice.

    Raises:
        StreamUnavailable: no broker answers. StreamError: there is no such topic.
    """
    with answering(cluster), closing(KafkaConsumer(group_id=group, enable_auto_commit=False, **cluster.options())) as c:
        places = _places(c, cluster, topic)
        committed = {place.partition: c.committed(place, timeout_ms=ANSWER_MS) for place in places}
        ends = {place.partition: end for place, end in c.end_offsets(places, timeout_ms=ANSWER_MS).items()}
    return {partition: offset for partition, offset in committed.items() if offset is not None}, ends


def _places(consumer: KafkaConsumer, cluster: KafkaCluster, topic: str) -> list[TopicPartition]:
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        raise StreamError(f"topic {topic} does not exist at {cluster.bootstrap}: make it, or name another")
    return [TopicPartition(topic, partition) for partition in sorted(partitions)]
