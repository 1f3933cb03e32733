"""A TCP proxy on loopback that misbehaves on command: latency, blackhole, reset, slices, half-closed."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from typing import TypeVar

__all__ = ["Fault", "Proxy", "proxy"]

T = TypeVar("T")

CHUNK = 65_536


class Fault(StrEnum):
    """What is done to bytes that pass, in both directions."""

    NONE = "none"
    LATENCY = "latency"
    """Each chunk comes `latency_s` later."""
    BLACKHOLE = "blackhole"
    """Nothing passes any more, and nobody is told: what a pulled cable looks like. New connections are accepted."""
    RESET = "reset"
    """Connections are reset, new ones too."""
    SLICE = "slice"
    """One byte at a time."""
    HALF_CLOSE = "half-close"
    """The server's answers end at once; what the client says still arrives."""


class Proxy:
    """Between whoever connects to `port` and 127.0.0.1:`target`. Used from any thread."""

    def __init__(self, target: int, latency_s: float = 0.2) -> None:
        self._target, self._latency_s = target, latency_s
        self._fault = Fault.NONE
        self._loop = asyncio.new_event_loop()
        self._writers: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)
        self._thread.start()
        self._server = self._on_loop(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def inflict(self, fault: Fault) -> None:
        """From now on, also on connections that are open."""
        self._on_loop(self._turn_to(fault))

    def heal(self) -> None:
        """Bytes pass again; those that a blackhole swallowed stay lost, as its connections do."""
        self.inflict(Fault.NONE)

    def close(self) -> None:
        self._on_loop(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _on_loop(self, work: Coroutine[object, object, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _turn_to(self, fault: Fault) -> None:
        self._fault = fault
        if fault is Fault.RESET:
            self._cut()

    async def _end(self) -> None:
        self._server.close()
        self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._fault is Fault.RESET:
            writer.transport.abort()
            return
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.transport.abort()
            return
        self._writers |= {writer, server_writer}
        try:
            await asyncio.gather(self._pass(reader, server_writer), self._pass(server_reader, writer, answers=True))
        finally:
            for one in (writer, server_writer):
                one.transport.abort()
                self._writers.discard(one)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool = False) -> None:
        with suppress(OSError):
            while data := await source.read(CHUNK):
                await self._deliver(data, sink, answers)
            if sink.can_write_eof():
                sink.write_eof()

    async def _deliver(self, data: bytes, sink: asyncio.StreamWriter, answers: bool) -> None:
        if self._fault is Fault.BLACKHOLE:
            return
        if self._fault is Fault.HALF_CLOSE and answers:
            sink.write_eof()
            return
        if self._fault is Fault.LATENCY:
            await asyncio.sleep(self._latency_s)
        step = 1 if self._fault is Fault.SLICE else len(data)
        for at in range(0, len(data), step):
            sink.write(data[at : at + step])
            await sink.drain()


@contextmanager
def proxy(target: int, latency_s: float = 0.2) -> Iterator[Proxy]:
    """Closed at the end, with all its connections."""
    between = Proxy(target, latency_s)
    try:
        yield between
    finally:
        between.close()
