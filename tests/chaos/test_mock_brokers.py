"""What only a broker that fails on command can do to us: error codes, slowness, leaders that are nowhere."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import closing

import pytest

from hadir.core.errors import StreamError, StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.topics import TopicSpec
from tests.chaos.mock_cluster import OFFSET_COMMIT, PRODUCE, MockCluster
from tests.chaos.morning import until
from tests.pipeline.kafka_probe import committed
from tests.pipeline.log_broker import Member

TOPIC = TopicSpec("t", 1, 1_048_576)
EVERY_BROKER = (1, 2, 3)


@pytest.fixture
def sink(mock: MockCluster) -> Iterator[KafkaSink]:
    mock.create_topic(TOPIC.name)
    with closing(KafkaSink(mock.cluster)) as opened:
        yield opened


@pytest.fixture
def member(mock: MockCluster, sink: KafkaSink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Member]:
    # The mock cannot describe a topic's settings, which a start asks for.
    monkeypatch.setattr("hadir.pipeline.kafka.check_topics", lambda *_: None)
    sink.send([Message(TOPIC.name, b"k", b"first")])
    started = Member(KafkaSource(mock.cluster, TOPIC, "g", session_timeout_ms=6000)).start()
    started.take(1)
    with closing(started.source):
        yield started


def messages(count: int) -> list[Message]:
    return [Message(TOPIC.name, b"k", str(number).encode()) for number in range(count)]


def in_log(mock: MockCluster) -> Counter[bytes]:
    return Counter(record.value for record in KafkaTail(mock.cluster).read(TOPIC.name))


def test_errors_that_pass_are_not_seen_and_every_message_is_there_once(mock: MockCluster, sink: KafkaSink) -> None:
    """Not the leader, a time-out, too few replicas, a disk that failed over."""
    mock.answer_with(PRODUCE, [6, 7, 19, 56])
    sink.send(messages(300))
    assert in_log(mock) == Counter(message.value for message in messages(300))


@pytest.mark.parametrize("code", [45, 59], ids=["out of order sequence", "unknown producer id"])
def test_an_error_of_the_producers_state_is_unknown_and_the_next_send_works(
    mock: MockCluster, sink: KafkaSink, code: int
) -> None:
    mock.answer_with(PRODUCE, [code])
    with pytest.raises(StreamUnavailable, match="send it again"):
        sink.send(messages(1))
    sink.send(messages(1))
    assert in_log(mock)[b"0"] >= 1


@pytest.mark.parametrize(
    ("code", "said"), [(10, r"t: a message is refused .*see sizes"), (29, r"does not allow WRITE on topic t: grant it")]
)
def test_a_refusal_is_told_apart_from_an_outage_and_names_its_reason(
    mock: MockCluster, sink: KafkaSink, code: int, said: str
) -> None:
    """Too large; not authorised."""
    mock.answer_with(PRODUCE, [code])
    with pytest.raises(StreamError, match=said) as refused:
        sink.send(messages(1))
    assert not refused.value.retryable


def test_a_message_that_the_network_corrupted_is_sent_again(mock: MockCluster, sink: KafkaSink) -> None:
    mock.answer_with(PRODUCE, [2])
    with pytest.raises(StreamUnavailable, match="CorruptRecordError"):
        sink.send(messages(1))
    sink.send(messages(1))
    assert in_log(mock)[b"0"] == 1


def test_a_slow_broker_is_said_within_the_deadline_and_at_worst_doubles(mock: MockCluster, sink: KafkaSink) -> None:
    """Answers come after the request's time-out, and the batch expires after it was sent: an idempotent producer of
    kafka-python 3.0.12 would never send again (delivery.md D1)."""
    for broker in EVERY_BROKER:
        mock.slow_down(broker, 5000)
    with pytest.raises(StreamUnavailable, match="may be in the log"):
        sink.send(messages(3))
    for broker in EVERY_BROKER:
        mock.slow_down(broker, 0)
    sink.send(messages(3))
    found = in_log(mock)
    assert found.keys() == {b"0", b"1", b"2"}


def test_a_leader_that_is_in_no_list_of_brokers_neither_hangs_nor_floods_the_log(
    mock: MockCluster, sink: KafkaSink, caplog: pytest.LogCaptureFixture
) -> None:
    """The client alone would spin for ever at 3,000 lines a second (delivery.md D2)."""
    mock.lead(TOPIC.name, 0, 2)
    sink.send(messages(1))
    mock.take_down(2)
    with caplog.at_level(logging.WARNING, logger="hadir.kafka"), pytest.raises(StreamUnavailable):
        sink.send(messages(1))
    assert len(caplog.records) < 100
    mock.lead(TOPIC.name, 0, 3)
    sink.send(messages(1))


@pytest.mark.parametrize("code", [14, 16, 25, *(pytest.param(code, marks=pytest.mark.chaos) for code in (15, 22, 27))])
def test_a_commit_that_fails_is_made_good_by_a_later_one(
    mock: MockCluster, sink: KafkaSink, member: Member, code: int
) -> None:
    """Loading, not available, not the coordinator; an old generation, an unknown member, a rebalance under way."""
    mock.answer_with(OFFSET_COMMIT, [code])
    member.source.commit({0: 1})
    sink.send(messages(1))
    # After an old generation or an unknown member it joins again, and is given what was not committed once more.
    while member.take(1)[-1].value != b"0":
        pass

    def is_committed() -> bool:
        member.pull()
        member.source.commit({0: 2})
        return committed(mock.cluster, TOPIC.name, "g") == {0: 2}

    until(is_committed)


def test_a_coordinator_that_moves_is_found_again(mock: MockCluster, sink: KafkaSink, member: Member) -> None:
    for broker in EVERY_BROKER:
        mock.coordinate("g", broker)
        sink.send(messages(1))
        member.take(1)
    last = member.taken[-1].offset + 1

    def is_committed() -> bool:
        member.pull()
        member.source.commit({0: last})
        return committed(mock.cluster, TOPIC.name, "g") == {0: last}

    until(is_committed)
    assert [record.offset for record in member.taken] == list(range(last))
