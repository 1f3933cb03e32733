"""The two ends of the log for one process: where it reads check-ins, where it writes, and a sink for whoever sends."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hadir.app.start_checks import require_log
from hadir.app.wiring import kafka_cluster
from hadir.core.clock import Clock, SystemClock
from hadir.core.settings import Settings
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_offsets import skip_to_end
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.log_reads import LastingLogReader, LogReader
from hadir.pipeline.memory import MemoryLog, MemorySink, MemorySource
from hadir.pipeline.memory_reader import MemoryReader
from hadir.pipeline.ports import Sink, Source
from hadir.pipeline.topics import CHECK_INS, TopicSpec, with_partitions

__all__ = ["LogEnds", "open_ends"]

_PARTITIONS = 4
"""Of a log in memory: as many as the one-node Kafka's."""


@dataclass(frozen=True, slots=True)
class LogEnds:
    """`source` and `sink` are the station's; `sender` belongs to another thread. `topic` is where check-ins are.
    `reader` is for reconciling, `lag_reader` for the thread that watches the lag; None where nobody's verdicts are at
    stake: a demo's or a benchmark's topic."""

    source: Source
    sink: Sink
    sender: Sink
    topic: str = CHECK_INS
    reader: LogReader | None = None
    lag_reader: LastingLogReader | None = None


def open_ends(settings: Settings, from_now: bool = False, clock: Clock | None = None) -> LogEnds:
    """The log that the settings name. Topics that do not exist yet are made.

    `from_now` is for demos and benchmarks alone: they have a check-in topic of their own, so that no site ever decides
    their records, and pass over what earlier ones left in it.

    Raises:
        StreamUnavailable, SetupError: the broker does not answer, or a topic is wrongly set.
    """
    if settings.run.broker == "memory":
        return _in_memory(clock or SystemClock())
    cluster = kafka_cluster(settings)
    topic = f"{CHECK_INS}.demo" if from_now else CHECK_INS
    specs = _renamed(with_partitions(settings.kafka.partitions), topic)
    create_topics(cluster, specs, settings.kafka.replication_factor)
    require_log(cluster, specs, clock or SystemClock())
    if from_now:
        skip_to_end(cluster, topic, settings.kafka.group)
    check_ins = next(spec for spec in specs if spec.name == topic)
    source = KafkaSource(cluster, check_ins, settings.kafka.group)
    readers = () if from_now else (KafkaReader(cluster), KafkaReader(cluster, lasting=True))
    return LogEnds(source, KafkaSink(cluster), KafkaSink(cluster), topic, *readers)


def _in_memory(clock: Clock) -> LogEnds:
    """A topic name that no log had before: offsets begin at 0 again, and under the old name the ledger would take the
    first check-ins for those that it decided in an earlier run, and pass over them."""
    topic = f"{CHECK_INS}@{uuid.uuid4().hex[:12]}"
    log = MemoryLog(clock, _renamed(with_partitions(_PARTITIONS), topic))
    source, reader = MemorySource(log, topic), MemoryReader(log)
    return LogEnds(source, MemorySink(log), MemorySink(log), topic, reader, reader)


def _renamed(specs: Sequence[TopicSpec], check_ins: str) -> list[TopicSpec]:
    return [replace(spec, name=check_ins) if spec.name == CHECK_INS else spec for spec in specs]
