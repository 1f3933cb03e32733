"""What the log's contract suite needs of an implementer: source, sink, reader, and two ways to look behind."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from hadir.pipeline.ports import Record, Sink, Source
from hadir.pipeline.topics import TopicSpec

__all__ = ["Broker", "Member", "Tail"]

PATIENCE_S = 40.0


class Tail(Protocol):
    def read(self, topic: str) -> Iterator[Record]: ...
    def follow(self, topic: str, stop: Callable[[], bool], *, ready: Callable[[], None]) -> Iterator[Record]: ...


class Broker(Protocol):
    @property
    def topic(self) -> TopicSpec: ...
    def source(self, group: str, topic: str | None = None) -> Source: ...
    def sink(self) -> Sink: ...
    def tail(self) -> Tail: ...
    def committed(self, group: str) -> dict[int, int]: ...
    def trim(self, partition: int, before: int) -> None: ...


@dataclass(slots=True)
class Member:
    """A source with a bell: waits by being woken, never by sleeping."""

    source: Source
    positions: Mapping[int, int] = field(default_factory=dict)
    bell: threading.Event = field(default_factory=threading.Event)
    taken: list[Record] = field(default_factory=list)
    lost: set[int] = field(default_factory=set)

    def start(self) -> Member:
        self.source.start(self.bell.set, self._stored)
        return self

    def take(self, count: int) -> list[Record]:
        """Wait until `count` further records have been taken."""
        wanted = len(self.taken) + count
        until_s = time.monotonic() + PATIENCE_S
        while len(self.taken) < wanted:
            self.bell.clear()
            if not self.pull():
                assert self.bell.wait(until_s - time.monotonic()), f"{len(self.taken)} of {wanted} records came"
        return self.taken[wanted - count :]

    def pull(self) -> list[Record]:
        """What is there now; loss first, as the port asks."""
        self.lost |= self.source.lost()
        got = self.source.take(64)
        self.taken += got
        return got

    def _stored(self, partitions: Collection[int]) -> Mapping[int, int]:
        return {p: offset for p, offset in self.positions.items() if p in partitions}
