"""A throw-away PostgreSQL on loopback for tests: started from the installed programs, stopped by its own pid."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Postgres", "programs", "running_postgres"]

PROGRAMS = Path("/usr/lib/postgresql")
START_TRIES = 400
TRY_S = 0.05
STOP_S = 20


def programs() -> Path | None:
    """The folder of the newest installed server's programs; None where there is none."""
    found = [path.parent for path in PROGRAMS.glob("*/bin/postgres") if (path.parent / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


class Postgres:
    """A server whose data lies under `folder`, made where it is missing; it may be stopped and started again.

    As root the server runs as `nobody` (PostgreSQL refuses root), and `folder` is given to that user. Without
    `durable`, fsync is off: right for tests that claim nothing about power loss.
    """

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        """Raises RuntimeError where the programs are missing."""
        found = programs()
        if found is None:
            raise RuntimeError(f"no PostgreSQL under {PROGRAMS}: apt-get install postgresql")
        self._bin, self._folder, self._durable, self._port = found, folder, durable, _free_port()
        self._as_user = _drop_root(folder)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"postgresql+psycopg://hadir@127.0.0.1:{self._port}/postgres"

    @property
    def pid(self) -> int:
        """Of the running server, 0 where it is stopped."""
        return 0 if self._process is None else self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers. Raises RuntimeError with its log where it does not come up."""
        if not (self._folder / "data").exists():
            self._initialise()
        settings = {
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "fsync": "on" if self._durable else "off",
            "shared_buffers": "32MB",
            "max_connections": "40",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        program = [str(self._bin / "postgres"), "-D", str(self._folder / "data"), "-p", str(self._port)]
        log = self._folder / "log"
        with log.open("ab") as out:
            # A session of its own: Ctrl-C is for the program that started it, which still needs it for its report.
            self._process = subprocess.Popen(
                [*self._as_user, *program, *options], stdout=out, stderr=out, cwd="/", start_new_session=True
            )
        try:
            _wait_until_ready(self._bin, self._port, self._process, log)
        except RuntimeError:
            self.stop(signal.SIGQUIT)
            raise

    def stop(self, number: int = signal.SIGINT) -> None:
        """SIGINT ends it in order, without waiting for its clients; SIGQUIT at once, as a crash does. Idempotent."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=STOP_S)
            self._process = None

    def _initialise(self) -> None:
        initdb = [str(self._bin / "initdb"), "-D", str(self._folder / "data"), "-U", "hadir", "-A", "trust"]
        locale = ["-E", "UTF8", "--locale=C.UTF-8", "-N"]
        subprocess.run([*self._as_user, *initdb, *locale], check=True, capture_output=True, cwd="/")


@contextmanager
def running_postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Run a server as `Postgres` has it; gives `postgresql+psycopg://…`; ends exactly that server.

    Raises:
        RuntimeError: the programs are missing, or the server does not come up; the message holds its log.
    """
    server = Postgres(folder, durable=durable)
    server.start()
    try:
        yield server.url
    finally:
        # Without fsync there is nothing worth a last checkpoint.
        server.stop(signal.SIGINT if durable else signal.SIGQUIT)


def _drop_root(folder: Path) -> list[str]:
    if os.geteuid() != 0:
        return []
    shutil.chown(folder, "nobody")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_until_ready(bin_: Path, port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    ask = [str(bin_ / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    for _ in range(START_TRIES):
        if subprocess.run(ask, check=False).returncode == 0:
            return
        try:
            process.wait(timeout=TRY_S)
        except subprocess.TimeoutExpired:
            continue
        break
    raise RuntimeError(f"PostgreSQL did not come up: {log.read_text(errors='replace')[-2000:]}")
