"""A real broker with TLS, SCRAM and ACLs: what each part needs, and one sentence for whatever is refused."""

from __future__ import annotations

import gc
import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from dev.kafka.secured import SecuredNode
from hadir.core.errors import ConfigError, HadirError, SetupError, StreamError, StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import KafkaCluster, check_topics, create_topics, topic_names
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS, with_partitions
from tests.pipeline.log_broker import Member

pytestmark = [
    pytest.mark.kafka,
    # kafka-python 3.0.12 leaves sockets of refused handshakes to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed <:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

GROUP = "hadir"
SPECS = with_partitions(2)
Permission = tuple[str, str, str]

RUN: tuple[Permission, ...] = (
    ("topic", CHECK_INS, "read"),
    ("topic", CHECK_INS, "describe_configs"),
    ("topic", VERDICTS, "write"),
    ("topic", VERDICTS, "describe_configs"),
    ("topic", DEAD_LETTERS, "write"),
    ("topic", DEAD_LETTERS, "describe_configs"),
    ("group", GROUP, "read"),
)
"""As docs/delivery.md says; reading and writing bring the right to describe."""
SEND: tuple[Permission, ...] = (("topic", CHECK_INS, "write"), ("topic", VERDICTS, "read"))
RECONCILE: tuple[Permission, ...] = (
    ("topic", CHECK_INS, "read"),
    ("topic", DEAD_LETTERS, "read"),
    ("group", GROUP, "describe"),
)


@pytest.fixture(scope="module")
def secured(secured_kafka: SecuredNode) -> SecuredNode:
    create_topics(secured_kafka.admin, SPECS)
    return secured_kafka


@pytest.fixture(autouse=True)
def _collected() -> Iterator[None]:
    yield
    gc.collect()


def somebody(secured: SecuredNode, *permissions: Permission) -> KafkaCluster:
    """A new user with these permissions alone."""
    name = f"u-{uuid.uuid4().hex[:8]}"
    password = secured.user(name)
    if permissions:
        secured.grant(name, *permissions)
    return secured.cluster(name, password)


def run_as(cluster: KafkaCluster) -> None:
    """What `hadir run` does with Kafka: look at the topics, take a check-in, publish a verdict and a dead letter."""
    create_topics(cluster, SPECS)
    check_topics(cluster, SPECS)
    member = Member(KafkaSource(cluster, SPECS[0], GROUP, session_timeout_ms=6000))
    with closing(member.source):
        member.start().take(1)
    with closing(KafkaSink(cluster)) as sink:
        sink.send([Message(VERDICTS, b"k", b"verdict")])
        sink.send([Message(DEAD_LETTERS, b"k", b"letter")])


def reconcile_as(cluster: KafkaCluster) -> None:
    """What `hadir reconcile` does."""
    reader = KafkaReader(cluster)
    for topic in (CHECK_INS, DEAD_LETTERS):
        reader.offsets_at(topic, 0)
        list(reader.read(topic, list(reader.bounds(topic).values())))
    reader.committed(CHECK_INS, GROUP)


def send_as(cluster: KafkaCluster) -> None:
    """What `hadir send` does."""
    with closing(KafkaSink(cluster)) as sink:
        sink.send([Message(CHECK_INS, b"k", b"check-in")])
    reader = KafkaReader(cluster)
    list(reader.read(VERDICTS, list(reader.bounds(VERDICTS).values())))


def test_each_command_works_with_the_least_that_the_page_lists(secured: SecuredNode) -> None:
    send_as(somebody(secured, *SEND))
    run_as(somebody(secured, *RUN))
    reconcile_as(somebody(secured, *RECONCILE))


@pytest.mark.parametrize("left_out", RUN, ids=lambda one: f"{one[1]} {one[2]}")
def test_what_run_lacks_is_named_by_operation_and_resource(secured: SecuredNode, left_out: Permission) -> None:
    send_as(secured.admin)
    # The right to describe is kept, so that it is this operation that is refused.
    kept = [one for one in RUN if one != left_out] + [(left_out[0], left_out[1], "describe")]
    with pytest.raises(HadirError) as refused:
        run_as(somebody(secured, *kept))
    resource, name, operation = left_out
    assert f"does not allow {operation.upper()} on {resource} {name}: " in str(refused.value)


@pytest.mark.parametrize("left_out", RECONCILE, ids=lambda one: f"{one[1]} {one[2]}")
def test_what_reconcile_lacks_is_named(secured: SecuredNode, left_out: Permission) -> None:
    send_as(secured.admin)
    kept = [one for one in RECONCILE if one != left_out]
    kept += [("topic", left_out[1], "describe")] if left_out[0] == "topic" else []
    with closing(KafkaSink(secured.admin)) as sink:
        sink.send([Message(DEAD_LETTERS, b"k", b"letter")])
    with pytest.raises(SetupError, match=f"{left_out[2].upper()} on {left_out[0]} {left_out[1]}"):
        reconcile_as(somebody(secured, *kept))


def test_a_sender_can_neither_read_check_ins_nor_forge_a_verdict(secured: SecuredNode) -> None:
    sender = somebody(secured, *SEND)
    reader = KafkaReader(sender)
    with pytest.raises(SetupError, match=f"READ on topic {CHECK_INS}"):
        list(reader.read(CHECK_INS, list(reader.bounds(CHECK_INS).values())))
    with pytest.raises(StreamError, match=f"WRITE on topic {VERDICTS}"), closing(KafkaSink(sender)) as sink:
        sink.send([Message(VERDICTS, b"k", b"forged")])


def test_a_topic_that_this_user_may_not_see_is_named(secured: SecuredNode) -> None:
    nobody = somebody(secured)
    with pytest.raises(SetupError, match=rf"{CHECK_INS} does not exist, or this user may not see it"):
        check_topics(nobody, SPECS)
    with pytest.raises(SetupError, match=rf"does not allow DESCRIBE \(nor CREATE\).*{CHECK_INS}"):
        create_topics(nobody, SPECS)


def test_a_wrong_password_is_one_sentence_that_names_the_user_and_not_the_password(secured: SecuredNode) -> None:
    with pytest.raises(SetupError, match="does not let user 'hadir-run' in: wrong password") as refused:
        topic_names(secured.cluster("hadir-run", "not the password"), 1500)
    assert "not the password" not in str(refused.value)


def test_a_certificate_of_another_authority_is_told(secured: SecuredNode) -> None:
    security = dict(secured.security("admin", secured.admin_password))
    del security["ssl_cafile"]
    with pytest.raises(SetupError, match="its certificate is not proven by ssl_cafile"):
        topic_names(KafkaCluster(secured.admin.bootstrap, security), 1500)


def test_a_certificate_file_that_is_not_there_is_told(secured: SecuredNode) -> None:
    security = {**secured.security("admin", secured.admin_password), "ssl_cafile": "no-such.pem"}
    with pytest.raises(SetupError, match="cannot be used: No such file"):
        topic_names(KafkaCluster(secured.admin.bootstrap, security), 1500)


def test_a_client_without_tls_is_told_to_use_it(secured: SecuredNode) -> None:
    with pytest.raises(SetupError, match=r"asks for TLS, \[kafka\] security says PLAINTEXT"):
        topic_names(KafkaCluster(secured.admin.bootstrap), 1500)


def test_an_option_that_the_client_does_not_know_is_told(secured: SecuredNode) -> None:
    with pytest.raises(ConfigError, match=r"\[kafka\] security .*ssl_cafil"):
        topic_names(KafkaCluster(secured.admin.bootstrap, {"ssl_cafil": "x"}), 1500)


def test_where_nobody_listens_that_is_what_is_said() -> None:
    with pytest.raises(StreamUnavailable, match=r"does not answer .*Connection refused"):
        topic_names(KafkaCluster("127.0.0.1:1"), 1500)
