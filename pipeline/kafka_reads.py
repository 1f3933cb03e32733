"""kafka-python reads a socket 4 KiB at a time and copies each response once more than it must: a selfie feels both.

Measured with selfies of 37 kB: the client's thread takes .21 ms per record with reads of 4 KiB and .11 ms
at once. The methods are private to 3.0.12: `read_widely` refuses any other shape, and reads stay as they were.
"""

from __future__ import annotations

import inspect
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport
from kafka.protocol.frame import KafkaBytes

__all__ = ["READ_BYTES", "read_widely"]

READ_BYTES = 1 << 20


def read_widely() -> bool:
    """Let every connection made from now on read `READ_BYTES` at once. False where the client is not as expected."""
    if KafkaTCPTransport._sock_recv is _recv_widely:
        return True
    if "self._sock.recv(4096)" not in inspect.getsource(KafkaTCPTransport._sock_recv):
        return False
    if "bytes(self[start:self._idx])" not in inspect.getsource(KafkaBytes.read):
        return False
    KafkaTCPTransport._sock_recv = _recv_widely
    KafkaBytes.read = _read_once
    return True


def _read_once(buffer: Any, nbytes: int | None = None) -> bytes:
    """The next bytes of a response, copied once: a slice of a bytearray is a copy of its own."""
    start = buffer._idx
    buffer._idx = len(buffer) if nbytes is None else min(start + nbytes, len(buffer))
    with memoryview(buffer) as view:
        return bytes(view[start : buffer._idx])


def _recv_widely(transport: Any) -> tuple[bytes, Exception | None]:
    """What has arrived, and the error that ends the connection, as the method that this stands in for."""
    arrived: list[bytes] = []
    if (sock := transport._sock) is None:  # closed meanwhile, by whoever ends the client
        return b"", KafkaConnectionError("socket closed")
    try:
        while data := sock.recv(READ_BYTES):
            arrived.append(data)
            if len(data) < READ_BYTES:
                break
        else:
            return b"".join(arrived), KafkaConnectionError("socket disconnected")
    except (BlockingIOError, InterruptedError):
        pass
    except OSError as err:
        return b"".join(arrived), KafkaConnectionError(err)
    return arrived[0] if len(arrived) == 1 else b"".join(arrived), None
