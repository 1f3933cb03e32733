"""The log, as the doctor looks at it: topics, clocks, and whether what is next to be decided is still there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from hadir.app.finding import Finding, State, tried
from hadir.core.settings import Settings

if TYPE_CHECKING:
    from hadir.pipeline.kafka_admin import KafkaCluster
    from hadir.pipeline.topics import TopicSpec

__all__ = ["kafka_findings"]

ASK_MS = 3000
"""A cluster that says nothing for so long is not there for a doctor's purpose; `hadir run` waits longer."""


def kafka_findings(settings: Settings) -> Iterator[Finding]:
    """Where nobody answers that is all that is said; otherwise one look never hides the next."""
    from hadir.app.wiring import kafka_cluster
    from hadir.core.errors import StreamUnavailable
    from hadir.pipeline.kafka_admin import require_crc32c, topic_names
    from hadir.pipeline.topics import ALL_TOPICS, CHECK_INS

    require_crc32c()
    cluster = kafka_cluster(settings)
    try:
        names = topic_names(cluster, ASK_MS)
    except StreamUnavailable:
        state: State = "missing" if settings.run.broker == "kafka" else "note"
        yield Finding("kafka", state, f"nobody answers at {cluster.bootstrap}", "make kafka-up, or [kafka] bootstrap")
        return
    there = [spec for spec in ALL_TOPICS if spec.name in names]
    yield from tried("kafka", lambda _: _topics(cluster, there), settings)
    for spec in ALL_TOPICS:
        if spec not in there:
            yield Finding("kafka", "note", f"topic {spec.name} is not there yet", "hadir run makes it, where it may")
    yield from tried("clock", _clock, settings)
    if not any(spec.name == CHECK_INS for spec in there):
        return
    yield from tried("copies", _copies, settings)
    yield from tried("positions", _positions, settings)


def _topics(cluster: KafkaCluster, there: Sequence[TopicSpec]) -> Iterator[Finding]:
    from hadir.pipeline.kafka_admin import check_topics
    from hadir.pipeline.topics import ALL_TOPICS

    check_topics(cluster, there)
    yield Finding("kafka", "ok", f"{cluster.bootstrap}, {len(there)} of {len(ALL_TOPICS)} topics, crc32c")


def _clock(settings: Settings) -> Iterator[Finding]:
    from hadir.app.start_checks import CLOCK_NOTE_S, require_clock
    from hadir.app.wiring import kafka_cluster
    from hadir.core.clock import SystemClock
    from hadir.pipeline.kafka_clock import clock_gap

    gap = clock_gap(kafka_cluster(settings), SystemClock())
    require_clock(gap)
    if gap is None:
        yield Finding(
            "clock", "note", "Kafka's clock could not be asked", "allow DESCRIBE on the cluster, or look at NTP"
        )
        return
    state: State = "note" if abs(gap.ahead_s) - gap.within_s >= CLOCK_NOTE_S else "ok"
    yield Finding(
        "clock", state, f"Kafka's is {gap.ahead_s:+.1f} s from this machine's", "NTP" if state == "note" else ""
    )


def _copies(settings: Settings) -> Iterator[Finding]:
    from hadir.app.wiring import kafka_cluster
    from hadir.pipeline.kafka_admin import fewest_copies
    from hadir.pipeline.topics import CHECK_INS

    copies = fewest_copies(kafka_cluster(settings), CHECK_INS)
    if copies > 1:
        yield Finding("copies", "ok", f"every check-in lies on {copies} brokers")
    else:
        do = "three brokers and replication factor 3 for a site (docs/delivery.md)"
        yield Finding("copies", "note", "a check-in lies on one broker alone: as durable as its disk", do)


def _positions(settings: Settings) -> Iterator[Finding]:
    from hadir.app.start_checks import require_partitions
    from hadir.app.wiring import existing_ledger, kafka_cluster
    from hadir.core.errors import HadirError
    from hadir.pipeline.kafka_reader import KafkaReader
    from hadir.pipeline.offsets_held import require_held
    from hadir.pipeline.topics import CHECK_INS

    try:
        with closing(existing_ledger(settings.ledger.url)) as store:
            positions = store.positions(CHECK_INS)
    except HadirError:
        return  # said already, as the ledger's
    held = KafkaReader(kafka_cluster(settings)).bounds(CHECK_INS)
    require_partitions(CHECK_INS, positions, held)
    for partition, at in positions.items():
        require_held(CHECK_INS, held[partition], at)
    waiting = sum(max(0, one.end - positions.get(one.partition, one.first)) for one in held.values())
    yield Finding("positions", "ok", f"{waiting} records wait to be decided, none is lost")
