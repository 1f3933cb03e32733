"""The brokers of the pipeline's tests: the memory log, and the session's real Kafka."""

from __future__ import annotations

from dataclasses import dataclass, replace
from uuid import uuid4

import pytest

from dev.kafka.node import Node
from hadir.core.clock import SystemClock
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.memory import MemoryLog, MemorySink, MemorySource
from hadir.pipeline.topics import ALL_TOPICS, CHECK_INS, TopicSpec
from tests.pipeline.kafka_probe import committed, trim
from tests.pipeline.log_broker import Broker

SESSION_TIMEOUT_MS = 6000


@dataclass(frozen=True, slots=True)
class MemoryBroker:
    """The shipped memory log."""

    topic: TopicSpec
    log: MemoryLog

    def source(self, group: str, topic: str | None = None) -> MemorySource:
        return MemorySource(self.log, topic or self.topic.name, group)

    def sink(self) -> MemorySink:
        return MemorySink(self.log)

    def tail(self) -> MemoryLog:
        return self.log

    def committed(self, group: str) -> dict[int, int]:
        return self.log.committed(self.topic.name, group)

    def trim(self, partition: int, before: int) -> None:
        self.log.trim(self.topic.name, partition, before)


@dataclass(frozen=True, slots=True)
class KafkaBroker:
    """A topic of its own on the real node."""

    topic: TopicSpec
    node: Node

    def source(self, group: str, topic: str | None = None) -> KafkaSource:
        spec = replace(self.topic, name=topic) if topic else self.topic
        return KafkaSource(self.node.cluster, spec, group, session_timeout_ms=SESSION_TIMEOUT_MS)

    def sink(self) -> KafkaSink:
        return KafkaSink(self.node.cluster)

    def tail(self) -> KafkaTail:
        return KafkaTail(self.node.cluster)

    def committed(self, group: str) -> dict[int, int]:
        return committed(self.node.cluster, self.topic.name, group)

    def trim(self, partition: int, before: int) -> None:
        trim(self.node, self.topic.name, partition, before)


@pytest.fixture(params=["memory", pytest.param("kafka", marks=pytest.mark.kafka)])
def broker(request: pytest.FixtureRequest) -> Broker:
    """A fresh topic with four partitions and the check-in topic's settings, on either implementer."""
    settings = next(spec for spec in ALL_TOPICS if spec.name == CHECK_INS)
    topic = TopicSpec(f"check-ins-{uuid4().hex[:8]}", 4, settings.max_record_bytes, settings.settings)
    if request.param == "memory":
        return MemoryBroker(topic, MemoryLog(SystemClock(), [topic]))
    node: Node = request.getfixturevalue("kafka_node")
    create_topics(node.cluster, [topic])
    return KafkaBroker(topic, node)
