"""The contract of a bystander's reads, on the memory log and on a real Kafka."""

from __future__ import annotations

import time
from contextlib import closing

import pytest

from hadir.core.errors import StreamError
from hadir.core.message import Message
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.log_reads import LastingLogReader, LogReader, Stretch
from hadir.pipeline.memory_reader import MemoryReader
from tests.pipeline.conftest import KafkaBroker, MemoryBroker
from tests.pipeline.log_broker import Broker, Member


def reader_of(broker: Broker) -> LogReader:
    if isinstance(broker, KafkaBroker):
        return KafkaReader(broker.node.cluster)
    assert isinstance(broker, MemoryBroker)
    return MemoryReader(broker.log)


def send(broker: Broker, count: int, key: bytes = b"k") -> int:
    """All to one partition, which is returned."""
    with closing(broker.sink()) as sink:
        sink.send([Message(broker.topic.name, key, str(n).encode()) for n in range(count)])
    ends = {p: one.end for p, one in reader_of(broker).bounds(broker.topic.name).items()}
    return max(ends, key=lambda partition: ends[partition])


def values(broker: Broker, *stretches: Stretch) -> list[bytes]:
    return [record.value for records in reader_of(broker).read(broker.topic.name, stretches) for record in records]


def test_bounds_tell_what_is_held(broker: Broker) -> None:
    partition = send(broker, 10)
    broker.trim(partition, 4)
    bounds = reader_of(broker).bounds(broker.topic.name)
    assert bounds[partition] == Stretch(partition, 4, 10)
    assert {(one.first, one.end) for p, one in bounds.items() if p != partition} == {(0, 0)}


def test_exactly_the_records_that_were_asked_for_come_in_order(broker: Broker) -> None:
    partition = send(broker, 200)
    asked = (Stretch(partition, 3, 5), Stretch(partition, 90, 91), Stretch(partition, 100, 190))
    assert values(broker, *asked) == [str(n).encode() for n in (3, 4, 90, *range(100, 190))]


def test_nothing_asked_for_is_nothing_read(broker: Broker) -> None:
    partition = send(broker, 3)
    assert values(broker) == values(broker, Stretch(partition, 2, 2)) == []


def test_several_partitions_are_read_together(broker: Broker) -> None:
    for key in (b"a", b"b", b"c", b"d", b"e"):
        send(broker, 3, key)
    found = reader_of(broker).read(broker.topic.name, list(reader_of(broker).bounds(broker.topic.name).values()))
    assert sum(len(records) for records in found) == 15


def test_of_a_stretch_that_retention_has_shortened_the_rest_is_read(broker: Broker) -> None:
    partition = send(broker, 10)
    broker.trim(partition, 6)
    assert values(broker, Stretch(partition, 0, 3), Stretch(partition, 4, 8)) == [b"6", b"7"]


def test_an_offset_is_found_by_the_time_of_its_record(broker: Broker) -> None:
    partition = send(broker, 5)
    reader, topic = reader_of(broker), broker.topic.name
    assert reader.offsets_at(topic, 0)[partition] == 0
    assert reader.offsets_at(topic, time.time_ns() // 1_000_000 + 3_600_000)[partition] == 5
    at_ms = next(iter(reader.read(topic, [Stretch(partition, 4, 5)])))[0].timestamp_ms
    assert 0 <= reader.offsets_at(topic, at_ms)[partition] <= 4
    assert reader.offsets_at(topic, at_ms + 1)[partition] == 5


def test_what_a_group_has_committed_is_told_without_joining_it(broker: Broker) -> None:
    partition = send(broker, 5)
    assert reader_of(broker).committed(broker.topic.name, "g") == {}
    member = Member(broker.source("g")).start()
    member.take(5)
    member.source.commit({partition: 5})
    member.source.close()
    assert reader_of(broker).committed(broker.topic.name, "g")[partition] == 5


def test_a_topic_that_is_not_there_is_told(broker: Broker) -> None:
    with pytest.raises(StreamError, match="no-such-topic"):
        reader_of(broker).bounds("no-such-topic")


def test_one_that_is_asked_again_and_again_always_tells_what_is_held_now(broker: Broker) -> None:
    reader = lasting_reader_of(broker)
    for sent in (5, 10, 15):
        partition = send(broker, 5)
        assert reader.bounds(broker.topic.name)[partition].end == sent
    reader.close()
    reader.close()
    assert reader.bounds(broker.topic.name)[partition].end == 15, "and can be asked after it was closed"
    reader.close()


def test_a_question_that_fails_leaves_nothing_broken_behind(broker: Broker) -> None:
    partition, reader = send(broker, 5), lasting_reader_of(broker)
    with pytest.raises(StreamError):
        reader.bounds("no.such.topic")
    assert reader.bounds(broker.topic.name)[partition].end == 5
    reader.close()


def lasting_reader_of(broker: Broker) -> LastingLogReader:
    if isinstance(broker, KafkaBroker):
        return KafkaReader(broker.node.cluster, lasting=True)
    assert isinstance(broker, MemoryBroker)
    return MemoryReader(broker.log)
