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

__all__ = ["programs", "running_postgres"]

PROGRAMS = Path("/usr/lib/postgresql")
START_TRIES = 400
TRY_S = 0.05
STOP_S = 20


def programs() -> Path | None:
    """The folder of the newest installed server's programs; None where there is none."""
    found = [path.parent for path in PROGRAMS.glob("*/bin/postgres") if (path.parent / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def running_postgres(folder: Path, *, durable: bool = False) -> Iterator[str]:
    """Run a server with its data under `folder`; gives `postgresql+psycopg://…`; ends exactly that server.

    As root the server runs as `nobody` (PostgreSQL refuses root), and `folder` is given to that user. Without
    `durable`, fsync is off: right for tests that claim nothing about power loss.

    Raises:
        RuntimeError: the programs are missing, or the server does not come up; the message holds its log.
    """
    bin_ = programs()
    if bin_ is None:
        raise RuntimeError(f"no PostgreSQL under {PROGRAMS}: apt-get install postgresql")
    as_user = _drop_root(folder)
    log, port = folder / "log", _free_port()
    initdb = [*as_user, str(bin_ / "initdb"), "-D", str(folder / "data"), "-U", "hadir", "-A", "trust", "-E", "UTF8"]
    subprocess.run([*initdb, "--locale=C.UTF-8", "-N"], check=True, capture_output=True, cwd="/")
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "fsync": "on" if durable else "off",
        "shared_buffers": "32MB",
        "max_connections": "40",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = [*as_user, str(bin_ / "postgres"), "-D", str(folder / "data"), "-p", str(port), *options]
    with log.open("wb") as out, subprocess.Popen(server, stdout=out, stderr=out, cwd="/") as process:
        try:
            _wait_until_ready(bin_, port, process, log)
            yield f"postgresql+psycopg://hadir@127.0.0.1:{port}/postgres"
        finally:
            # Without fsync there is nothing worth a last checkpoint.
            process.send_signal(signal.SIGINT if durable else signal.SIGQUIT)
            process.wait(timeout=STOP_S)


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
