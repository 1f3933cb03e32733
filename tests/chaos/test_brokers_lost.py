"""Real brokers that are killed, refuse, or cannot be reached."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from kafka.admin import ACL, ACLOperation, ACLPermissionType, KafkaAdminClient, ResourcePattern, ResourceType

from dev.kafka.node import Node, free_port, launch, missing_part, start, stop, wait_until_ready
from dev.kafka.three import ThreeBrokers
from hadir.core.errors import StreamError
from hadir.pipeline.kafka_admin import KafkaCluster, create_topics
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.topics import CHECK_INS, VERDICTS, with_partitions
from tests.chaos.morning import KafkaSite, Morning, open_morning, people, until
from tests.chaos.proxy import Fault, proxy

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

TOPICS = with_partitions(4)


@contextmanager
def sending(morning: Morning, count: int) -> Iterator[None]:
    """People check in meanwhile, and ask until they are answered."""
    sender = threading.Thread(target=lambda: morning.send(people(count)))
    sender.start()
    try:
        yield
    finally:
        sender.join()


def test_a_broker_that_is_killed_and_comes_back_has_lost_nothing_that_it_acknowledged(
    own_node: Node, kafka_morning: Morning
) -> None:
    kafka_morning.send(people(60))
    kafka_morning.member()
    until(lambda: kafka_morning.ledger.counts().rows > 0)
    process = own_node.process()
    assert process is not None
    process.kill()
    process.wait(5)
    with sending(kafka_morning, 60):
        again = start(Path(own_node.folder), own_node.port)
    try:
        kafka_morning.settle()
    finally:
        stop(again)


@pytest.mark.chaos
def test_a_leader_that_is_lost_hands_over_to_another(brokers: ThreeBrokers, sqlite_url: str) -> None:
    """Each broker leads some partition, or coordinates the group: all are lost in turn."""
    with open_morning(KafkaSite(brokers.cluster, TOPICS[0]), sqlite_url) as morning:
        morning.send(people(30))
        morning.member()
        morning.wait_for_rows()
        for broker in (1, 2):
            brokers.kill(broker)
            morning.send(people(30))
            morning.wait_for_rows()
            brokers.start_again(broker)
        morning.settle()


@pytest.mark.chaos
def test_with_too_few_copies_nothing_is_acknowledged_and_nothing_lost(brokers: ThreeBrokers, sqlite_url: str) -> None:
    with open_morning(KafkaSite(brokers.cluster, TOPICS[0]), sqlite_url) as morning:
        morning.send(people(30))
        morning.member()
        morning.wait_for_rows()
        brokers.kill(1)
        brokers.kill(2)
        with sending(morning, 30):
            brokers.start_again(1)
            brokers.start_again(2)
        morning.settle()


def test_a_slow_way_for_results_holds_up_no_verdict_and_loses_none(tmp_path: Path, sqlite_url: str) -> None:
    """Verdicts go through a proxy that swallows everything; check-ins come another way."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    own, other, controller = free_port(), free_port(), free_port()
    with proxy(other) as between:
        listeners = f"PLAINTEXT://127.0.0.1:{own},OTHER://127.0.0.1:{{}},CONTROLLER://127.0.0.1:{controller}"
        settings = {
            "controller.quorum.voters": f"1@127.0.0.1:{controller}",
            "listeners": listeners.format(other),
            "advertised.listeners": listeners.format(between.port).rsplit(",", 1)[0],
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,OTHER:PLAINTEXT,CONTROLLER:PLAINTEXT",
        }
        node = launch(tmp_path / "node", own, settings=settings)
        wait_until_ready(node)
        try:
            create_topics(node.cluster, TOPICS)
            with open_morning(KafkaSite(node.cluster, TOPICS[0]), sqlite_url) as morning:
                morning.member(publisher=KafkaSink(KafkaCluster(f"127.0.0.1:{between.port}")))
                morning.send(people(30))
                until(lambda: morning.ledger.counts().rows == 30 and morning.ledger.outbox_depth() == 0)
                between.inflict(Fault.BLACKHOLE)
                morning.send(people(60))
                morning.wait_for_rows()
                assert morning.ledger.outbox_depth() == 60
                between.heal()
                morning.settle()
        finally:
            stop(node)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Node]:
    """A broker that obeys access lists; what no list mentions is allowed."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    settings = {
        "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
        "allow.everyone.if.no.acl.found": "true",
    }
    node = launch(tmp_path / "node", settings=settings)
    wait_until_ready(node)
    create_topics(node.cluster, TOPICS)
    yield node
    stop(node)


@contextmanager
def denied(node: Node, operation: ACLOperation, topic: str) -> Iterator[None]:
    """Everybody, until the block is left."""
    pattern = ResourcePattern(ResourceType.TOPIC, topic)
    rule = ACL("User:ANONYMOUS", "*", operation, ACLPermissionType.DENY, pattern)
    with closing(KafkaAdminClient(**node.cluster.options())) as admin:
        admin.create_acls([rule])
        try:
            yield
        finally:
            admin.delete_acls([rule])


def test_who_may_not_read_any_more_stops_and_says_so(guarded: Node, sqlite_url: str) -> None:
    with open_morning(KafkaSite(guarded.cluster, TOPICS[0]), sqlite_url) as morning:
        morning.send(people(10))
        member = morning.member()
        morning.wait_for_rows()
        with denied(guarded, ACLOperation.READ, CHECK_INS):
            member.join()
        assert isinstance(member.failure, StreamError)
        assert not member.failure.retryable
        morning.members.clear()
        morning.send(people(10))
        morning.member()
        morning.settle()


def test_who_may_not_publish_decides_on_and_publishes_when_allowed(guarded: Node, sqlite_url: str) -> None:
    with open_morning(KafkaSite(guarded.cluster, TOPICS[0]), sqlite_url) as morning:
        morning.member()
        with denied(guarded, ACLOperation.WRITE, VERDICTS):
            morning.send(people(10))
            morning.wait_for_rows()
            assert morning.ledger.outbox_depth() == 10
        morning.settle()
