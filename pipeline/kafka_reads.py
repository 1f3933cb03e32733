"""kafka-python reads a socket 4 KiB at a time; a selfie is ten times that, so this reads what is there at once.

Measured with selfies of 37 kB: the client's thread takes .21 ms per record with reads of 4 KiB and .11 ms
at once. The method is private to 3.0.12: `read_widely` refuses any other shape of it, and reads stay as they were.
"""

from __future__ import annotations

import inspect
from typing import Any

from kafka.errors import KafkaConnectionError
from kafka.net.transport import KafkaTCPTransport

__all__ = ["READ_BYTES", "read_widely"]

READ_BYTES = 1 << 20


def read_widely() -> bool:
    """Let every connection made from now on read `READ_BYTES` at once. False where the client is not as expected."""
    if KafkaTCPTransport._sock_recv is _recv_widely:
        return True
    if "self._sock.recv(4096)" not in inspect.getsource(KafkaTCPTransport._sock_recv):
        return False
    KafkaTCPTransport._sock_recv = _recv_widely
    return True


def _recv_widely(transport: Any) -> tuple[bytes, Exception | None]:
    """What has arrived, and the error that ends the connection, as the method that this stands in for."""
    arrived: list[bytes] = []
    try:
        while data := transport._sock.recv(READ_BYTES):
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
