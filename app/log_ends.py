"""The two ends of the log for one process: where it reads check-ins, where it writes, and a sink for whoever sends."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace

from hadir.app.wiring import kafka_cluster
from hadir.core.clock import Clock, SystemClock
from hadir.core.settings import Settings
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_offsets import skip_to_end
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.memory import MemoryLog, MemorySink, MemorySource
from hadir.pipeline.ports import Sink, Source
from hadir.pipeline.topics import ALL_TOPICS, CHECK_INS, with_partitions

__all__ = ["LogEnds", "open_ends"]

_PARTITIONS = 4
"""Of a log in memory: as many as the one-node Kafka's."""


@dataclass(frozen=True, slots=True)
class LogEnds:
    """`source` and `sink` are the station's; `sender` belongs to another thread. `topic` is where check-ins are."""

    source: Source
    sink: Sink
    sender: Sink
    topic: str = CHECK_INS


def open_ends(settings: Settings, from_now: bool = False, clock: Clock | None = None) -> LogEnds:
    """The log that the settings name. Topics that do not exist yet are made.

    `from_now` passes over what the check-in topic holds already, which only a demo or a benchmark may do.

    Raises:
        StreamUnavailable, SetupError: the broker does not answer, or a topic is wrongly set.
    """
    if settings.run.broker == "memory":
        return _in_memory(clock or SystemClock())
    cluster = kafka_cluster(settings)
    create_topics(cluster, with_partitions(settings.kafka.partitions), settings.kafka.replication_factor)
    if from_now:
        skip_to_end(cluster, CHECK_INS, settings.kafka.group)
    check_ins = next(spec for spec in ALL_TOPICS if spec.name == CHECK_INS)
    return LogEnds(KafkaSource(cluster, check_ins, settings.kafka.group), KafkaSink(cluster), KafkaSink(cluster))


def _in_memory(clock: Clock) -> LogEnds:
    """A topic name that no log had before: offsets begin at 0 again, and under the old name the ledger would take the
    first check-ins for those that it decided in an earlier run, and pass over them."""
    topic = f"{CHECK_INS}@{uuid.uuid4().hex[:12]}"
    log = MemoryLog(clock, [replace(s, name=topic) if s.name == CHECK_INS else s for s in with_partitions(_PARTITIONS)])
    return LogEnds(MemorySource(log, topic), MemorySink(log), MemorySink(log), topic)
