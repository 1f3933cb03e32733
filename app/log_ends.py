"""The two ends of the log for one process: where it reads check-ins, where it writes, and a sink for whoever sends."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class LogEnds:
    """`source` and `sink` are the station's; `sender` belongs to another thread."""

    source: Source
    sink: Sink
    sender: Sink


def open_ends(settings: Settings, from_now: bool = False, clock: Clock | None = None) -> LogEnds:
    """The log that the settings name. Topics that do not exist yet are made.

    `from_now` passes over what the check-in topic holds already, which only a demo or a benchmark may do.

    Raises:
        StreamUnavailable, SetupError: the broker does not answer, or a topic is wrongly set.
    """
    if settings.run.broker == "memory":
        log = MemoryLog(clock or SystemClock())
        return LogEnds(MemorySource(log, CHECK_INS), MemorySink(log), MemorySink(log))
    cluster = kafka_cluster(settings)
    create_topics(cluster, with_partitions(settings.kafka.partitions), settings.kafka.replication_factor)
    if from_now:
        skip_to_end(cluster, CHECK_INS, settings.kafka.group)
    check_ins = next(spec for spec in ALL_TOPICS if spec.name == CHECK_INS)
    return LogEnds(KafkaSource(cluster, check_ins, settings.kafka.group), KafkaSink(cluster), KafkaSink(cluster))
