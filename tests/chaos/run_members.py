"""The members of the group as processes, and whoever starts them again: what systemd or Kubernetes would do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from dev.token_pack import SWITCH
from tests.chaos.run_history import History

__all__ = ["Member", "Members", "family"]

AGAIN_S = 1.0
"""Between the end of a member and its next start."""
PATIENCE_S = 60.0
ROOT = Path(__file__).resolve().parents[2]
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@dataclass(slots=True)
class Member:
    """`options` are those of run_member; every start writes a log of its own into `folder`."""

    folder: Path
    options: Sequence[str]
    process: subprocess.Popen[bytes] | None = None
    starts: int = 0
    ended_s: float = field(default=float("-inf"))

    @property
    def watch(self) -> Path:
        """What its watch at the commits has seen."""
        return self.folder / "undecided.txt"

    def launch(self) -> None:
        """Start it once more."""
        command = [sys.executable, "-m", "tests.chaos.run_member", "--watch", str(self.watch), *self.options]
        environment = os.environ | _ONE_THREAD | {SWITCH: "1", "PYTHONPATH": str(ROOT)}
        with (self.folder / f"log-{self.starts:03d}.jsonl").open("wb") as log:
            self.process = subprocess.Popen(
                [*command, str(self.folder / "hadir.toml")], stdout=log, stderr=log, env=environment, cwd=ROOT
            )
        self.starts += 1

    def serves(self) -> bool:
        """Whether this start has partitions."""
        path = self.folder / f"log-{self.starts - 1:03d}.jsonl"
        return self.process is not None and self.process.poll() is None and b"Hadir melayani" in path.read_bytes()

    def ray(self) -> list[psutil.Process]:
        """The processes of its Ray, those that live, as its notes have them."""
        try:
            notes = json.loads((self.folder / "run" / "ray.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return []
        found = []
        for pid, started_s in notes["processes"]:
            with suppress(psutil.NoSuchProcess):
                process = psutil.Process(pid)
                if abs(process.create_time() - started_s) < 1.0:
                    found.append(process)
        return found


class Members:
    """Starts them, and again whenever one ends, until `stop`."""

    def __init__(self, members: Sequence[Member], history: History) -> None:
        self.members, self._history = members, history
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._tend, name="members", daemon=True)

    def start(self) -> None:
        """Start all, and wait until each serves. Raises RuntimeError where one does not within a minute or two."""
        self._thread.start()
        until_s = time.monotonic() + 2 * PATIENCE_S
        while not all(member.serves() for member in self.members):
            if time.monotonic() > until_s:
                raise RuntimeError(f"a member does not come up: see the logs in {self.members[0].folder.parent}")
            time.sleep(0.1)
        self._history.note("members_serve", members=len(self.members))

    def stop(self) -> None:
        """Let each drain, as an operator does; kill what does not end."""
        self._ending.set()
        self._thread.join()
        for member in self.members:
            if member.process is not None and member.process.poll() is None:
                member.process.send_signal(signal.SIGCONT)
                member.process.send_signal(signal.SIGTERM)
        for number, member in enumerate(self.members):
            if member.process is not None:
                self._history.note("member_stopped", member=number, code=_wait(member.process))

    def kill(self) -> None:
        """End whatever is left, at once: for the end of a run that failed."""
        self._ending.set()
        for member in self.members:
            for process in [*member.ray(), *family(member.process.pid if member.process else 0)]:
                with suppress(psutil.NoSuchProcess):
                    process.kill()

    def _tend(self) -> None:
        while not self._ending.wait(0.1):
            for number, member in enumerate(self.members):
                self._look_after(number, member)

    def _look_after(self, number: int, member: Member) -> None:
        now_s = time.monotonic()
        if member.process is not None and (code := member.process.poll()) is not None:
            self._history.note("member_ended", member=number, code=code)
            member.process, member.ended_s = None, now_s
        if member.process is None and now_s - member.ended_s >= AGAIN_S:
            member.launch()
            assert member.process is not None
            self._history.note("member_started", member=number, pid=member.process.pid)


def family(pid: int) -> list[psutil.Process]:
    """A process and all that it has started, the youngest last; none where it has ended."""
    try:
        process = psutil.Process(pid) if pid else None
        return [process, *process.children(recursive=True)] if process else []
    except psutil.NoSuchProcess:
        return []


def _wait(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()
