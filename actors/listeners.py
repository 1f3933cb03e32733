"""Where the Rays of this machine listen: whoever reaches such a port may run code in them."""

from __future__ import annotations

import contextlib
import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

__all__ = ["Listener", "is_loopback", "ray_listeners"]

_ROOTS = ("gcs_server", "raylet")


@dataclass(frozen=True, slots=True)
class Listener:
    """One listening TCP socket; `address` is host:port."""

    process: str
    pid: int
    address: str
    loopback: bool


def ray_listeners() -> list[Listener]:
    """Listening sockets of every Ray head and raylet that this user may look at, and of their children."""
    found: list[Listener] = []
    for process in _ray_processes():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            for socket in process.net_connections(kind="tcp"):
                if socket.status == psutil.CONN_LISTEN:
                    place = f"{socket.laddr.ip}:{socket.laddr.port}"
                    found.append(Listener(process.name(), process.pid, place, is_loopback(socket.laddr.ip)))
    return found


def is_loopback(host: str) -> bool:
    """Whether an address is this machine's own; gRPC listens on 127.0.0.1 as ::ffff:127.0.0.1."""
    address = ipaddress.ip_address(host)
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _ray_processes() -> Iterator[psutil.Process]:
    for process in psutil.process_iter(["name"]):
        if process.info["name"] in _ROOTS:
            with contextlib.suppress(psutil.NoSuchProcess):
                yield from [process, *process.children(recursive=True)]
