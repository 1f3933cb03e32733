"""A running pipeline looks which snapshot should serve, loads it in the background, and says what it serves."""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from hadir.app.snapshot_switch import SnapshotSwitch
from hadir.app.wiring import Serving
from hadir.core.clock import Clock
from hadir.core.errors import HadirError, SetupError, SnapshotError
from hadir.core.low_priority import in_background
from hadir.index.acknowledgements import Acknowledgement, acknowledge, withdraw
from hadir.index.pointers import Pointers, read_pointers, snapshot_folder
from hadir.pipeline.observer import SnapshotObserver

__all__ = ["SnapshotWatch", "replica_name"]

_log = structlog.get_logger(__name__)

ACKNOWLEDGE_EVERY_S = 1.0

Load = Callable[[Path], Serving]


class SnapshotWatch:
    """A thread of its own, which never touches the loop: it offers what it has loaded to a `SnapshotSwitch`.

    Whatever cannot serve is refused by name, in the log, as a metric and in the acknowledgement; it is tried again when
    the pointers change, not before.
    """

    def __init__(
        self,
        root: Path,
        switch: SnapshotSwitch,
        load: Load,
        *,
        workers: int,
        every_s: float,
        clock: Clock,
        watchers: Sequence[SnapshotObserver] = (),
    ) -> None:
        """Args:
        root: The folder of snapshots and pointers.
        load: Checks everything in a snapshot's folder and finds its pack; raises HadirError. Called in the background.
        workers: How many face workers this replica has, for the acknowledgement.
        every_s: How often the pointers are read, seconds.
        watchers: Told what is refused.
        """
        self._root, self._switch, self._load = root, switch, load
        self._workers, self._every_s, self._clock, self._watchers = workers, every_s, clock, watchers
        self._replica = replica_name(socket.gethostname(), os.getpid())
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="hadir-snapshots", daemon=True)
        self._seen: object = None
        self._step: tuple[str, Future[Serving] | Future[None]] | None = None
        self._refused: tuple[str | None, str] | None = None
        self._told_s: float | None = None
        self._cannot_tell = False

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def look(self) -> None:
        """One look, which never waits for a load or a switch. The thread does nothing but this, again and again."""
        if self._step is not None:
            self._follow(*self._step)
        if self._step is None:
            self._read()
        if self._told_s is None or self._clock.monotonic_s() >= self._told_s + ACKNOWLEDGE_EVERY_S:
            self._acknowledge()

    def _run(self) -> None:
        try:
            while not self._end.is_set():
                self.look()
                self._end.wait(self._every_s)
        finally:
            self._withdraw()

    def _read(self) -> None:
        try:
            pointers = read_pointers(self._root)
        except SnapshotError as err:
            if self._seen != str(err):
                self._seen = str(err)
                self._refuse(None, err)
            return
        if self._seen != pointers:
            self._seen = pointers
            self._want(pointers)

    def _want(self, pointers: Pointers) -> None:
        self._refused, wanted = None, pointers.current
        if wanted is None or wanted == self._switch.served.snapshot.manifest.id:
            self._told_s = None
            return
        _log.info("snapshot_wanted", snapshot=wanted, serving=self._switch.served.snapshot.manifest.id)
        self._step = wanted, in_background(lambda: self._load(snapshot_folder(self._root, wanted)), "hadir-snapshot")

    def _follow(self, wanted: str, future: Future[Serving] | Future[None]) -> None:
        if not future.done():
            return
        self._step = None
        if (error := future.exception()) is not None:
            self._refuse(wanted, error)
        elif (serving := future.result()) is not None:
            self._step = wanted, self._switch.offer(serving)
        else:
            _log.info("snapshot_serves", snapshot=wanted, embedding_space=self._switch.served.pack.embedding_space)
            self._told_s = None

    def _refuse(self, wanted: str | None, error: BaseException) -> None:
        if not isinstance(error, HadirError):
            _log.error("snapshot_not_loaded", exc_info=error)
            error = SetupError(f"it cannot be loaded ({type(error).__name__}): see the log")
        serving = self._switch.served.snapshot.manifest.id
        _log.error("snapshot_refused", snapshot=wanted, code=error.code, error=str(error), serving=serving)
        self._refused, self._told_s = (wanted, str(error)), None
        for watcher in self._watchers:
            watcher.on_refused(wanted, error.code)

    def _acknowledge(self) -> None:
        self._told_s = self._clock.monotonic_s()
        served = self._switch.served
        refused, problem = self._refused or (None, None)
        told = Acknowledgement(
            self._replica,
            socket.gethostname(),
            os.getpid(),
            served.snapshot.manifest.id,
            served.pack.embedding_space,
            self._workers,
            self._clock.now_ms(),
            refused,
            problem,
        )
        try:
            acknowledge(self._root, told)
            self._cannot_tell = False
        except OSError as err:
            if not self._cannot_tell:
                _log.warning("snapshot_not_acknowledged", error=err.strerror)
            self._cannot_tell = True

    def _withdraw(self) -> None:
        try:
            withdraw(self._root, self._replica)
        except OSError as err:
            _log.warning("snapshot_acknowledgement_stays", error=err.strerror)


def replica_name(host: str, pid: int) -> str:
    """What this process calls itself among those that serve the same snapshots."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "-", host).lstrip("._-")[:80]
    return f"{plain or 'replica'}-{pid}"
