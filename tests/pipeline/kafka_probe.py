"""Looking behind a real Kafka in tests: committed offsets, and retention on demand."""

from __future__ import annotations

from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient

from dev.kafka.node import Node
from hadir.pipeline.kafka_admin import KafkaCluster

__all__ = ["committed", "trim"]


def committed(cluster: KafkaCluster, topic: str, group: str) -> dict[int, int]:
    """The group's committed offsets."""
    with closing(KafkaConsumer(group_id=group, enable_auto_commit=False, **cluster.options())) as consumer:
        places = [TopicPartition(topic, partition) for partition in consumer.partitions_for_topic(topic)]
        found = {place.partition: consumer.committed(place, timeout_ms=5000) for place in places}
        return {partition: offset for partition, offset in found.items() if offset is not None}


def trim(node: Node, topic: str, partition: int, before: int) -> None:
    """Delete records below an offset, as retention does."""
    with closing(KafkaAdminClient(**node.cluster.options())) as admin:
        admin.delete_records({TopicPartition(topic, partition): before})
