"""Start a Ray of our own on loopback, or join one; with the settings that its defaults get wrong.

`ray.init` installs a SIGTERM handler that exits at once: whoever drains on SIGTERM installs theirs after
`LocalRay.start` or `join`.
"""

from __future__ import annotations

import os
import secrets
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import psutil
import structlog

from hadir.actors.death_watch import DeathWatch
from hadir.actors.leftovers import end_leftovers, write_notes
from hadir.actors.ray_head import RayHead
from hadir.actors.ray_processes import RayProcesses, end_processes, private_folder
from hadir.actors.ray_session import enter, leave, refuse_second
from hadir.core.errors import SetupError

__all__ = ["Cluster", "JoinedRay", "LocalRay", "join"]

_log = structlog.get_logger(__name__)

OBJECT_STORE_BYTES = 150 << 20
"""100 to 300 MB is plenty for photos on their way (measured on the prototype; Ray's minimum is 75 MiB)."""

_RAY_ITSELF_BYTES = 600 << 20
_WORKER_BYTES = 200 << 20


class Cluster(Protocol):
    """What a pool needs to know of the Ray it runs on. Thread-safe except `close`."""

    def lost(self) -> str | None:
        """What of Ray itself has died, None while it lives. Never blocks."""
        ...

    def on_lost(self, wake: Callable[[], None]) -> None:
        """Call `wake` from any thread when `lost` becomes true. One at a time."""
        ...

    def note_processes(self) -> None:
        """Workers have been started: note them for `end_leftovers`."""
        ...

    def close(self) -> None:
        """End, or leave. Idempotent."""
        ...


class LocalRay:
    """A Ray of one machine that only this user can reach: all ports on loopback, token authentication, and sockets,
    token and logs in a private folder (0700) with a short path."""

    def __init__(self, processes: RayProcesses, token_file: Path, address: str, watch: DeathWatch) -> None:
        self._processes = processes
        self._watch = watch
        self._open = True
        self.address = address
        """host:port of the head, for `join` on this machine."""
        self.token_file = token_file

    @classmethod
    def start(cls, run_folder: Path, actors: int, object_store_bytes: int = OBJECT_STORE_BYTES) -> LocalRay:
        """Start one, with room for `actors` face actors; never joins another, whatever RAY_ADDRESS says.

        First ends what an earlier run with this run folder has left. From the main thread only: the kernel ends Ray
        with the thread that started it. Blocks for two to four seconds.

        Raises:
            SetupError: too little memory, no short private folder, the run folder is in use, or Ray does not start.
        """
        if threading.current_thread() is not threading.main_thread():
            raise SetupError("Ray can be started from the main thread only, since it ends with the thread that did")
        _check_memory(actors, object_store_bytes)
        refuse_second()
        if ended := end_leftovers(run_folder):
            _log.warning("ray_leftovers_ended", processes=ended)
        temp_folder = private_folder()
        processes = RayProcesses(run_folder, temp_folder)
        try:
            write_notes(run_folder, temp_folder, [])
            return cls._start(processes, _write_token(temp_folder / "token"), actors, object_store_bytes)
        except BaseException:
            leave()
            processes.forget()
            raise

    @classmethod
    def _start(cls, processes: RayProcesses, token_file: Path, actors: int, object_store_bytes: int) -> LocalRay:
        address = enter(
            token_file,
            loopback=True,
            address="local",
            num_cpus=actors,
            num_gpus=0,
            object_store_memory=object_store_bytes,
            include_dashboard=False,
            _temp_dir=str(processes.ray_folder),
        )
        processes.note()
        return cls(processes, token_file, address, processes.watch())

    def lost(self) -> str | None:
        return self._watch.ended()

    def on_lost(self, wake: Callable[[], None]) -> None:
        self._watch.notify(wake)

    def processes(self) -> list[psutil.Process]:
        """Everything that this Ray has running now, workers included."""
        return self._processes.running()

    def note_processes(self) -> None:
        self._processes.note()

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._watch.close()
        running = self._processes.running()
        leave()
        end_processes(running)
        self._processes.forget()


class JoinedRay:
    """A cluster that somebody else runs, of which this machine is a node. When its head goes, Ray 2.60 ends this
    process after 60 s, with status 1."""

    def lost(self) -> str | None:
        return None

    def on_lost(self, wake: Callable[[], None]) -> None:
        del wake

    def note_processes(self) -> None:
        """Nothing: they are not ours to end."""

    def close(self) -> None:
        leave()


def join(address: str, token_file: Path) -> JoinedRay:
    """Join the cluster whose head answers at `address` (host:port) with the token that it was started with.

    A Ray that must be reached from other machines listens on every interface, and whoever reaches it can run code in
    it: its nodes start with RAY_AUTH_MODE=token and the same token (RAY_AUTH_TOKEN_PATH), behind a network policy, as
    Ray 2.60 encrypts nothing by itself. All nodes need Hadir installed at the same version. Blocks up to a minute.

    Raises:
        SetupError: there is a Ray here already, no token, nobody answers, or the cluster refuses us.
    """
    head = RayHead.at(address, token_file)
    loopback = head.reach()
    refuse_second()
    enter(token_file, loopback=loopback, address=address)
    return JoinedRay()


def _check_memory(actors: int, object_store_bytes: int) -> None:
    needed = _RAY_ITSELF_BYTES + object_store_bytes + actors * _WORKER_BYTES
    available = psutil.virtual_memory().available
    if available < needed:
        raise SetupError(
            f"{available >> 20} MiB of memory are free, and Ray with {actors} face actors needs {needed >> 20}: use "
            "fewer workers, or the inline pool"
        )


def _write_token(path: Path) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path
