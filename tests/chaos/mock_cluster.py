"""librdkafka's mock cluster: brokers in this process that fail on command, for what a real one cannot be told to do.

Its C functions are called through ctypes: confluent-kafka, which brings the library, offers none of them in Python. The
interface is marked experimental, so the package is pinned, and used by tests alone. What the mock cannot do is tested
on a real broker: more than one group member, retention, fencing, the settings of a topic, errors of one partition in a
fetch.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import confluent_kafka

from hadir.pipeline.kafka_admin import KafkaCluster

__all__ = ["OFFSET_COMMIT", "PRODUCE", "MockCluster", "mock_cluster"]

PRODUCE, OFFSET_COMMIT = 0, 8
"""Kinds of request, as the protocol numbers them."""

_PRODUCER = 0
_CLIENT_OPTIONS = {"api_version": (2, 3)}
"""The newest protocol at which mock and kafka-python 3.0.12 understand each other (delivery.md, section 4)."""


class MockCluster:
    """Brokers 1 to `brokers`. Errors are pushed onto a queue: each answers one request of its kind."""

    def __init__(self, library: ctypes.CDLL, handle: int) -> None:
        self._c, self._handle = library, ctypes.c_void_p(handle)

    @property
    def cluster(self) -> KafkaCluster:
        bootstrap: bytes = self._c.rd_kafka_mock_cluster_bootstraps(self._handle)
        return KafkaCluster(bootstrap.decode(), _CLIENT_OPTIONS)

    def create_topic(self, name: str, partitions: int = 1, replication: int = 1) -> None:
        code = self._c.rd_kafka_mock_topic_create(self._handle, name.encode(), partitions, replication)
        assert code == 0, f"the mock refused topic {name} ({code})"

    def answer_with(self, request: int, errors: Sequence[int]) -> None:
        """The next requests of this kind, at any broker, get these error codes in turn."""
        codes = (ctypes.c_int * len(errors))(*errors)
        self._c.rd_kafka_mock_push_request_errors_array(
            self._handle, ctypes.c_int16(request), ctypes.c_size_t(len(errors)), codes
        )

    def take_down(self, broker: int) -> None:
        """Its connections are closed and no new one is accepted; it leaves the list of brokers."""
        self._c.rd_kafka_mock_broker_set_down(self._handle, ctypes.c_int32(broker))

    def bring_up(self, broker: int) -> None:
        self._c.rd_kafka_mock_broker_set_up(self._handle, ctypes.c_int32(broker))

    def slow_down(self, broker: int, rtt_ms: int) -> None:
        """Each answer comes so much later."""
        self._c.rd_kafka_mock_broker_set_rtt(self._handle, ctypes.c_int32(broker), rtt_ms)

    def lead(self, topic: str, partition: int, broker: int) -> None:
        """This broker leads the partition from now on, as metadata says, whether it is there or not."""
        self._c.rd_kafka_mock_partition_set_leader(self._handle, topic.encode(), partition, ctypes.c_int32(broker))

    def coordinate(self, group: str, broker: int) -> None:
        """The group's coordinator moves to this broker."""
        self._c.rd_kafka_mock_coordinator_set(self._handle, b"group", group.encode(), ctypes.c_int32(broker))

    def close(self) -> None:
        self._c.rd_kafka_mock_cluster_destroy(self._handle)


@contextmanager
def mock_cluster(brokers: int = 1) -> Iterator[MockCluster]:
    """Running in this process, on loopback, in memory."""
    library = _library()
    reason = ctypes.create_string_buffer(512)
    owner = library.rd_kafka_new(_PRODUCER, None, reason, ctypes.c_size_t(len(reason)))
    assert owner, reason.value.decode()
    mock = MockCluster(library, library.rd_kafka_mock_cluster_new(ctypes.c_void_p(owner), brokers))
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(mock._handle, ctypes.c_int32(0))
    try:
        yield mock
    finally:
        mock.close()
        library.rd_kafka_destroy(ctypes.c_void_p(owner))


@cache
def _library() -> ctypes.CDLL:
    folder = Path(confluent_kafka.__file__).parent.with_name("confluent_kafka.libs")
    [path] = folder.glob("librdkafka*.so*")
    library = ctypes.CDLL(str(path))
    for name in ("rd_kafka_new", "rd_kafka_mock_cluster_new"):
        getattr(library, name).restype = ctypes.c_void_p
    library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    return library
