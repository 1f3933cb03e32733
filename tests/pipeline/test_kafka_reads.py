"""Reading a socket at once instead of 4 KiB at a time changes nothing but the time it takes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport

from hadir.pipeline.kafka_reads import READ_BYTES, read_widely


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair()
    with here, there:
        here.setblocking(False)
        yield here, there


def _receive(here: socket.socket) -> tuple[bytes, Exception | None]:
    assert read_widely()
    arrived: tuple[bytes, Exception | None] = KafkaTCPTransport._sock_recv(SimpleNamespace(_sock=here))
    return arrived


def test_the_pinned_client_is_as_expected_and_a_second_call_changes_nothing() -> None:
    assert read_widely()
    method = KafkaTCPTransport._sock_recv
    assert read_widely()
    assert KafkaTCPTransport._sock_recv is method


def test_another_shape_of_the_method_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(self: object) -> tuple[bytes, None]:
        return b"", None

    monkeypatch.setattr(KafkaTCPTransport, "_sock_recv", changed)
    assert not read_widely()
    assert KafkaTCPTransport._sock_recv is changed


def test_more_than_4_kib_arrive_at_once(ends: tuple[socket.socket, socket.socket]) -> None:
    sent = bytes(range(256)) * 200
    ends[1].sendall(sent)
    assert _receive(ends[0]) == (sent, None)


def test_nothing_there_is_nothing_and_no_error(ends: tuple[socket.socket, socket.socket]) -> None:
    assert _receive(ends[0]) == (b"", None)


def test_a_closed_connection_is_an_error(ends: tuple[socket.socket, socket.socket]) -> None:
    ends[1].close()
    data, error = _receive(ends[0])
    assert (data, type(error)) == (b"", KafkaConnectionError)


def test_a_reset_connection_is_an_error() -> None:
    closed = socket.socket()
    closed.close()
    data, error = _receive(closed)
    assert (data, type(error)) == (b"", KafkaConnectionError)


def test_a_full_read_goes_on_reading() -> None:
    chunks = iter([b"a" * READ_BYTES, b"b"])
    assert _receive(SimpleNamespace(recv=lambda _: next(chunks))) == (b"a" * READ_BYTES + b"b", None)  # type: ignore[arg-type]  # only recv is used


def test_a_connection_that_was_ended_meanwhile_is_an_error() -> None:
    data, error = _receive(None)  # type: ignore[arg-type]  # as the client leaves it
    assert (data, type(error)) == (b"", KafkaConnectionError)
