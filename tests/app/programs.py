"""`hadir` as a program of its own, for what only a process can show: signals, kills, what it leaves behind."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

__all__ = ["HADIR", "Program", "free_port", "program", "rows_in"]

HADIR = Path(sys.executable).with_name("hadir")
PATIENCE_S = 60.0
LOOK_S = 0.02


class Program:
    """One running program; what it says goes to files, so that no full pipe can stop it."""

    def __init__(self, arguments: tuple[object, ...], folder: Path, environment: dict[str, str]) -> None:
        self._out, self._err = folder / "stdout", folder / "stderr"
        with self._out.open("w") as out, self._err.open("w") as err:
            # Tests that a shell runs in the background are told to ignore Ctrl-C, and so would be what they start.
            before = signal.signal(signal.SIGINT, signal.default_int_handler)
            try:
                self.process = subprocess.Popen(
                    [HADIR, *map(str, arguments)], stdout=out, stderr=err, env=os.environ | environment
                )
            finally:
                signal.signal(signal.SIGINT, before)

    def out(self) -> str:
        return self._out.read_text(encoding="utf-8")

    def err(self) -> str:
        return self._err.read_text(encoding="utf-8")

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Fails where the program ends before, or a minute passes."""
        until_s = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.process.poll() is None, f"it has ended: {self.err()[-800:]}"
            assert time.monotonic() < until_s, f"nothing happened: {self.err()[-800:]}"
            time.sleep(LOOK_S)

    def wait_until_it_serves(self) -> None:
        self.wait_until(lambda: "Hadir melayani" in self.err())

    def signal(self, number: int) -> int:
        """Send it, and wait for the exit code."""
        self.process.send_signal(number)
        return self.process.wait(PATIENCE_S)


@contextmanager
def program(*arguments: object, folder: Path, **environment: str) -> Iterator[Program]:
    """`hadir ARGUMENTS`; killed at the end where it still runs."""
    folder.mkdir(parents=True, exist_ok=True)
    started = Program(arguments, folder, environment)
    try:
        yield started
    finally:
        started.process.kill()
        started.process.wait()


def rows_in(ledger: Path) -> int:
    """Rows of a SQLite ledger that somebody else writes; 0 where there is none yet."""
    if not ledger.exists():
        return 0
    with closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'ledger'").fetchall():
            return 0
        return int(connection.execute("SELECT count(*) FROM ledger").fetchone()[0])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
