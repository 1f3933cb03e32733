"""The ceiling: the same models on the same photos in bare processes, beside which everything else is measured."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from benchmarks._bare_worker import Work
from benchmarks._report import ONE_THREAD
from benchmarks._workplace import Workplace
from hadir.core.errors import SetupError

__all__ = ["BareProcess", "Ceiling", "bare_processes", "insightface_loops", "work_together"]

_ROOT = Path(__file__).resolve().parents[1]


class BareProcess:
    """One of them, warm: it has gone through the photos once. `begin` on several, then `end` on each, lets them work
    at the same time; between the two it waits on its standard input and costs nothing."""

    def __init__(self, module: str, arguments: Sequence[str], *, one_thread: bool = True) -> None:
        """`module` is a program that answers as `_bare_worker` does; without `one_thread` its libraries take as many
        threads as they like."""
        plain = {name: value for name, value in os.environ.items() if name not in ONE_THREAD}
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=_ROOT,
            env={**plain, **ONE_THREAD} if one_thread else plain,
        )

    def begin(self, passes: int) -> None:
        """Go through the selfies so many times."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{passes}\n")
        self._process.stdin.flush()

    def end(self) -> Work:
        """Wait for it. Raises SetupError where the process has ended instead."""
        assert self._process.stdout is not None
        if not (line := self._process.stdout.readline()):
            raise SetupError(f"a bare process ended with status {self._process.wait()}: see its message above")
        return msgspec.json.decode(line, type=Work)

    def close(self) -> None:
        """It ends with its standard input."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        self._process.wait()


@dataclass(frozen=True, slots=True)
class Ceiling:
    """What processes did side by side, and how long the slowest took."""

    photos_per_s: float
    each: Sequence[Work]


@contextmanager
def insightface_loops(workplace: Workplace, count: int) -> Iterator[list[BareProcess]]:
    """The plain loop over the workplace's selfies and people, warm, ended on leaving: one process with its libraries'
    own threads, or `count` > 1 of one thread each."""
    threads = "all" if count == 1 else "1"
    arguments = [workplace.stage.pack, str(workplace.selfies_file), str(workplace.gallery_file), threads]
    with ExitStack() as closers:
        loops = [BareProcess("benchmarks._insightface_loop", arguments, one_thread=count > 1) for _ in range(count)]
        for loop in loops:
            closers.callback(loop.close)
        work_together(loops, passes=1)
        yield loops


@contextmanager
def bare_processes(workplace: Workplace, count: int, batch: int) -> Iterator[list[BareProcess]]:
    """`count` warm processes, ended on leaving."""
    stage = msgspec.json.encode(workplace.stage).decode()
    arguments = [stage, str(workplace.selfies_file), str(batch)]
    with ExitStack() as closers:
        processes = [BareProcess("benchmarks._bare_worker", arguments) for _ in range(count)]
        for process in processes:
            closers.callback(process.close)
        work_together(processes, passes=1)
        yield processes


def work_together(processes: Sequence[BareProcess], passes: int) -> Ceiling:
    """Let all of them go through the photos at the same time."""
    start_s = time.perf_counter()
    for process in processes:
        process.begin(passes)
    each = [process.end() for process in processes]
    return Ceiling(sum(work.photos for work in each) / (time.perf_counter() - start_s), each)
