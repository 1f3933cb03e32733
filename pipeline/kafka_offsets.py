"""A group's place in a topic, moved on purpose."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.structs import OffsetAndMetadata

from hadir.core.errors import StreamError
from hadir.pipeline.kafka_admin import KafkaCluster, answering

__all__ = ["skip_to_end"]


def skip_to_end(cluster: KafkaCluster, topic: str, group: str) -> None:
    """Let `group`, which must have no members, begin behind everything that the topic holds now.

    For demos and benchmarks alone: what is skipped is never decided by this group.

    Raises:
        StreamUnavailable: no broker answers. StreamError: there is no such topic.
    """
    with answering(cluster), closing(KafkaConsumer(group_id=group, enable_auto_commit=False, **cluster.options())) as c:
        partitions = c.partitions_for_topic(topic)
        if not partitions:
            raise StreamError(f"topic {topic} does not exist at {cluster.bootstrap}: make it, or name another")
        places = [TopicPartition(topic, partition) for partition in sorted(partitions)]
        c.assign(places)
        c.commit({place: OffsetAndMetadata(end, "", -1) for place, end in c.end_offsets(places).items()})
