"""A real broker that freezes, restarts and is set wrongly."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from dev.kafka.node import Node, missing_part, running, start, stop
from hadir.core.clock import ManualClock, SystemClock
from hadir.core.errors import SetupError, StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import check_topics, create_topics, limit_kafka_logs, require_crc32c
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.outbox import Relay
from hadir.pipeline.topics import CHECK_INS, VERDICTS, TopicSpec, with_partitions
from tests.pipeline.log_broker import Member
from tests.pipeline.world import World, a_check_in, check_in_message

pytestmark = pytest.mark.kafka


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[Node]:
    """A broker that a test may hurt."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    node = start(tmp_path / "node")
    yield node
    stop(node)


def fresh(settings: dict[str, str]) -> TopicSpec:
    return TopicSpec(f"t-{uuid4().hex[:8]}", 1, 1_048_576, settings)


def test_a_frozen_broker_makes_a_send_unknown_and_the_next_send_works(own_node: Node) -> None:
    topic = fresh({})
    create_topics(own_node.cluster, [topic])
    process = own_node.process()
    assert process is not None
    with closing(KafkaSink(own_node.cluster)) as sink:
        sink.send([Message(topic.name, b"k", b"before")])
        process.send_signal(signal.SIGSTOP)
        with pytest.raises(StreamUnavailable):
            sink.send([Message(topic.name, b"k", b"frozen")])
        process.send_signal(signal.SIGCONT)
        sink.send([Message(topic.name, b"k", b"after")])
    values = [record.value for record in KafkaTail(own_node.cluster).read(topic.name)]
    assert values[0] == b"before"
    assert values[-1] == b"after"


def test_a_broker_that_restarts_costs_a_pause_and_loses_nothing(own_node: Node) -> None:
    [topic, *_] = with_partitions(2)
    create_topics(own_node.cluster, [topic])
    member = Member(KafkaSource(own_node.cluster, topic, "g", session_timeout_ms=6000))
    with closing(member.source), closing(KafkaSink(own_node.cluster)) as sink:
        member.start()
        sink.send([Message(topic.name, b"k", b"1")])
        member.take(1)
        stop(own_node)
        again = start(Path(own_node.folder), own_node.port)
        try:
            with closing(KafkaSink(again.cluster)) as fresh_sink:
                fresh_sink.send([Message(topic.name, b"k", b"2")])
            assert [record.value for record in member.take(1)] == [b"2"]
        finally:
            member.source.close()
            stop(again)


OUTAGE = """
import gc, os, threading
from hadir.core.errors import StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.kafka_admin import KafkaCluster, topic_names
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail

nobody = KafkaCluster("127.0.0.1:1", {"bootstrap_timeout_ms": 200})
for attempt in range(4):
    for work in (
        lambda: topic_names(nobody, 200),
        lambda: KafkaSink(nobody).send([Message("t", b"k", b"v")]),
        lambda: list(KafkaTail(nobody).read("t")),
    ):
        try:
            work()
        except StreamUnavailable as err:
            assert "127.0.0.1:1" in str(err)
    gc.collect()
    print(len(os.listdir("/proc/self/fd")), threading.active_count())
"""


def test_an_outage_is_named_and_leaves_neither_files_nor_threads_behind() -> None:
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", OUTAGE], capture_output=True, text=True, check=True)
    counts = done.stdout.split("\n")[:4]
    assert len(set(counts)) == 1, counts


def test_a_missing_topic_is_named_with_the_command_that_makes_it(kafka_node: Node) -> None:
    topic = fresh({"retention.ms": "1000"})
    with pytest.raises(SetupError, match=rf"kafka-topics.sh --create --topic {topic.name}.*--config retention.ms=1000"):
        check_topics(kafka_node.cluster, [topic])


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("message.timestamp.type", "CreateTime"),
        ("retention.ms", "604800000"),
        ("max.message.bytes", "1048588"),
        ("cleanup.policy", "compact"),
        ("cleanup.policy", "compact,delete"),
        ("retention.bytes", "1000000"),
    ],
)
def test_a_topic_that_is_set_wrongly_is_named_with_the_command_that_mends_it(
    kafka_node: Node, name: str, wrong: str
) -> None:
    wanted = dict(with_partitions(1)[0].settings)
    topic = fresh(wanted | {name: wrong})
    create_topics(kafka_node.cluster, [topic])
    with pytest.raises(SetupError, match=rf"{name}={wrong}, expected .*--add-config {name}={wanted[name]}"):
        check_topics(kafka_node.cluster, [TopicSpec(topic.name, 1, 1, wanted)])


def test_making_topics_again_changes_nothing(kafka_node: Node) -> None:
    topic = fresh({})
    assert create_topics(kafka_node.cluster, [topic]) == [topic.name]
    assert create_topics(kafka_node.cluster, [topic]) == []


def test_a_morning_through_a_real_broker_has_a_verdict_for_every_check_in(own_node: Node, tmp_path: Path) -> None:
    topics = with_partitions(3)
    create_topics(own_node.cluster, topics)
    world = World(tmp_path, SystemClock())
    sent = [a_check_in(f"p-{n % 9}", (b"bad" if n % 5 == 0 else b"good",)) for n in range(120)]
    with closing(KafkaSink(own_node.cluster)) as sink:
        sink.send([check_in_message(one) for one in sent])
        sink.send([Message(CHECK_INS, b"p-1", b"?")])
        source = KafkaSource(own_node.cluster, topics[0], session_timeout_ms=6000)
        world.intake(source=source).run(finished=lambda: world.seen.received == 121)
        Relay(world.ledger, sink, world.clock).drain()
    assert world.ledger.counts().rows == 120
    verdicts = list(KafkaTail(own_node.cluster).read(VERDICTS))
    assert len({record.value for record in verdicts}) == len(verdicts) == 120
    ends = {
        p: max(r.offset for r in KafkaTail(own_node.cluster).read(CHECK_INS) if r.partition == p) + 1
        for p in world.ledger.positions(CHECK_INS)
    }
    assert world.ledger.positions(CHECK_INS) == ends
    world.ledger.close()


def test_the_note_of_a_node_that_has_ended_is_not_believed(own_node: Node) -> None:
    folder = Path(own_node.folder)
    assert running(folder) == own_node
    note = (folder / "node.json").read_text()
    stop(own_node)
    (folder / "node.json").write_text(note)
    assert running(folder) is None


def test_checksums_are_computed_in_native_code() -> None:
    require_crc32c()


def test_the_clients_log_is_limited_and_says_how_much_was_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("kafka")
    saved = logger.handlers[:], logger.level, logger.propagate
    logger.handlers[:] = []
    clock = ManualClock()
    try:
        limit_kafka_logs(clock, most=3, per_s=10.0)
        limit_kafka_logs(clock, most=3, per_s=10.0)
        for _ in range(50):
            logging.getLogger("kafka.producer").error("spin")
        logging.getLogger("kafka.producer").debug("key=%r", b"p-1")
        clock.advance(11)
        logging.getLogger("kafka.producer").error("later")
    finally:
        logger.handlers[:], logger.level, logger.propagate = saved
    assert [r.getMessage() for r in caplog.records] == ["spin"] * 3 + ["kept back 47 more log lines of kafka", "later"]
