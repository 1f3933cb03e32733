"""Start a Ray of our own on loopback, or join one; with the settings that its defaults get wrong.

`ray.init` installs a SIGTERM handler that exits at once: whoever drains on SIGTERM installs theirs after
`LocalRay.start` or `join`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import socket
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil
import structlog

from hadir.actors.death_watch import DeathWatch
from hadir.actors.leftovers import TEMP_PREFIX, end_leftovers, note, remove_notes, write_notes
from hadir.actors.ray_session import enter, leave, refuse_second
from hadir.core.errors import SetupError

__all__ = ["Cluster", "JoinedRay", "LocalRay", "join"]

_log = structlog.get_logger(__name__)

OBJECT_STORE_BYTES = 150 << 20
"""100 to 300 MB is plenty for photos on their way (measured on the prototype; Ray's minimum is 75 MiB)."""

_RAY_ITSELF_BYTES = 600 << 20
_WORKER_BYTES = 200 << 20

_LONGEST_SOCKET_PATH = 107
_SESSION_SOCKET = "/r/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"

_REACHED_WITHIN_S = 5.0


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

    def __init__(self, run_folder: Path, temp_folder: Path, address: str, watch: DeathWatch) -> None:
        self._run_folder = run_folder
        self._temp_folder = temp_folder
        self._watch = watch
        self._open = True
        self.address = address
        """host:port of the head, for `join` on this machine."""
        self.token_file = temp_folder / "token"

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
        temp_folder = _private_folder()
        try:
            write_notes(run_folder, temp_folder, [])
            return cls._start(run_folder, temp_folder, actors, object_store_bytes)
        except BaseException:
            leave()
            shutil.rmtree(temp_folder, ignore_errors=True)
            remove_notes(run_folder)
            raise

    @classmethod
    def _start(cls, run_folder: Path, temp_folder: Path, actors: int, object_store_bytes: int) -> LocalRay:
        # Ray makes its own folder 0777; inside the private one nobody else gets that far.
        address = enter(
            _write_token(temp_folder / "token"),
            loopback=True,
            address="local",
            num_cpus=actors,
            num_gpus=0,
            object_store_memory=object_store_bytes,
            include_dashboard=False,
            _temp_dir=str(temp_folder / "r"),
        )
        parts = {p.name(): p.pid for p in _roots(temp_folder) if p.name() in {"gcs_server", "raylet"}}
        local = cls(run_folder, temp_folder, address, DeathWatch(parts))
        local.note_processes()
        return local

    def lost(self) -> str | None:
        return self._watch.ended()

    def on_lost(self, wake: Callable[[], None]) -> None:
        self._watch.notify(wake)

    def processes(self) -> list[psutil.Process]:
        """Everything that this Ray has running now, workers included."""
        found = []
        for root in _roots(self._temp_folder):
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [root, *root.children(recursive=True)]
        return found

    def note_processes(self) -> None:
        noted = []
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                noted.append(note(process))
        write_notes(self._run_folder, self._temp_folder, noted)

    def close(self) -> None:
        if not self._open:
            return
        self._open = False
        self._watch.close()
        running = self.processes()
        leave()
        _end(running)
        shutil.rmtree(self._temp_folder, ignore_errors=True)
        remove_notes(self._run_folder)


class JoinedRay:
    """A cluster that somebody else runs. When its head goes, Ray 2.60 ends this process after 60 s, with status 1."""

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
    host, port = _host_and_port(address)
    if not token_file.is_file():
        raise SetupError(
            f"no token file {token_file.name}: a cluster is joined with the token that it was started with"
        )
    try:
        socket.create_connection((host, port), timeout=_REACHED_WITHIN_S).close()
    except OSError as err:
        raise SetupError(f"no Ray answers at {address} ({err}): start its head, or correct the address") from err
    refuse_second()
    loopback = socket.gethostbyname(host).startswith("127.")
    enter(token_file, loopback=loopback, address=address)
    return JoinedRay()


def _host_and_port(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not host or "/" in host or not port.isdecimal():
        raise SetupError(f"the address {address!r} is not host:port of a Ray head (no scheme; the port is mostly 6379)")
    return host, int(port)


def _roots(temp_folder: Path) -> Iterator[psutil.Process]:
    """This process's own children that work in the private folder: Ray's, and no others."""
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if any(str(temp_folder) in argument for argument in child.cmdline()):
                yield child


def _end(processes: list[psutil.Process]) -> None:
    """What `ray.shutdown` left, mostly its agents; psutil kills by pid and start time."""
    _, alive = psutil.wait_procs(processes, timeout=0.2)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=3)


def _check_memory(actors: int, object_store_bytes: int) -> None:
    needed = _RAY_ITSELF_BYTES + object_store_bytes + actors * _WORKER_BYTES
    available = psutil.virtual_memory().available
    if available < needed:
        raise SetupError(
            f"{available >> 20} MiB of memory are free, and Ray with {actors} face actors needs {needed >> 20}: use "
            "fewer workers, or the inline pool"
        )


def _private_folder() -> Path:
    longest = _LONGEST_SOCKET_PATH - len(_SESSION_SOCKET) - len(TEMP_PREFIX) - 9
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder in it
        if len(base) <= longest and os.access(base, os.W_OK):
            return Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=base))
    raise SetupError(f"no writable folder for Ray's sockets: TMPDIR must be a path of {longest} characters at most")


def _write_token(path: Path) -> Path:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32))
    return path
