"""The servers of a run, with what a run may do to them: brokers and databases that are killed, frozen and locked."""

from __future__ import annotations

import signal
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Protocol

import psutil

from dev.kafka.node import Node, launch, stop, wait_until_ready
from dev.kafka.three import ThreeBrokers
from dev.postgres import Postgres
from hadir.pipeline.kafka_admin import KafkaCluster
from tests.chaos.run_members import family

__all__ = ["Brokers", "Database", "OneBroker", "PostgresDatabase", "SqliteDatabase", "frozen", "three"]


class Brokers(Protocol):
    """One or several of one cluster; `ThreeBrokers` is one."""

    @property
    def cluster(self) -> KafkaCluster: ...

    nodes: dict[int, Node]

    def kill(self, broker: int) -> None: ...

    def start_again(self, broker: int) -> None: ...

    def stop(self) -> None: ...


class OneBroker:
    """A cluster of one, on a port that it keeps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        node = launch(folder)
        wait_until_ready(node)
        self.nodes = {1: node}

    @property
    def cluster(self) -> KafkaCluster:
        return self.nodes[1].cluster

    def kill(self, broker: int) -> None:
        if (process := self.nodes[broker].process()) is not None:
            process.kill()
            process.wait(5)

    def start_again(self, broker: int) -> None:
        stop(self.nodes[broker])
        self.nodes[broker] = launch(self._folder, self.nodes[broker].port)
        wait_until_ready(self.nodes[broker])

    def stop(self) -> None:
        stop(self.nodes[1])


def three(folder: Path) -> Brokers:
    """Three of them, of which one may be lost."""
    return ThreeBrokers(folder)


class Database(Protocol):
    """Where the ledger is."""

    url: str
    kind: str

    def away(self, seconds: float) -> None:
        """Nobody can write for so long."""
        ...

    def kill(self) -> None:
        """At once, as a power cut does; nothing where it is a file."""
        ...

    def start_again(self) -> None: ...

    def stop(self) -> None: ...


class SqliteDatabase:
    """A file; it is locked by somebody else while it is away."""

    kind = "sqlite"

    def __init__(self, folder: Path) -> None:
        self._path = folder / "ledger.db"
        self.url = f"sqlite:///{self._path}"

    def away(self, seconds: float) -> None:
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as connection:
            connection.execute("BEGIN EXCLUSIVE")
            time.sleep(seconds)
            connection.execute("ROLLBACK")

    def kill(self) -> None: ...

    def start_again(self) -> None: ...

    def stop(self) -> None: ...


class PostgresDatabase:
    """A server with fsync on; it crashes, and comes back after a while."""

    kind = "postgresql"

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self._server = Postgres(folder, durable=True)
        self._server.start()
        self.url = self._server.url

    def away(self, seconds: float) -> None:
        self.kill()
        time.sleep(seconds)
        self.start_again()

    def kill(self) -> None:
        for process in family(self._server.pid):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._server.stop()

    def start_again(self) -> None:
        self._server.start()

    def stop(self) -> None:
        self._server.stop(signal.SIGINT)


@contextmanager
def frozen(process: psutil.Process | None) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end."""
    with suppress(psutil.NoSuchProcess):
        if process is not None:
            process.suspend()
    try:
        yield
    finally:
        with suppress(psutil.NoSuchProcess):
            if process is not None:
                process.resume()
