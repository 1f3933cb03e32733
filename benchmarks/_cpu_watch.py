"""How much processor time processes of a kind take while something runs, also those that come and go meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Self

import psutil

__all__ = ["CpuWatch"]

_EVERY_S = 0.5


class CpuWatch:
    """Looks twice a second on a thread of its own while the block lasts. A process that lives for less than half a
    second between two looks is missed, and of one that ends what it did since the last look."""

    def __init__(self, processes: Callable[[], Mapping[str, Sequence[psutil.Process]]]) -> None:
        self._processes = processes
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="cpu")
        self._first: dict[tuple[str, int], float] = {}
        self._last: dict[tuple[str, int], float] = {}
        self._began = False

    def __enter__(self) -> Self:
        self.look()
        self._began = True
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
        self.look()

    def seconds(self) -> dict[str, float]:
        """Processor seconds in the block, by kind."""
        found: dict[str, float] = {}
        for (kind, pid), last_s in self._last.items():
            found[kind] = found.get(kind, 0.0) + last_s - self._first[kind, pid]
        return found

    def _run(self) -> None:
        while not self._end.wait(_EVERY_S):
            self.look()

    def look(self) -> None:
        """Once more, now."""
        for kind, processes in self._processes().items():
            for process in processes:
                with suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    now_s = times.user + times.system
                    # Who came while the block ran has done all of its work in it.
                    self._first.setdefault((kind, process.pid), 0.0 if self._began else now_s)
                    self._last[kind, process.pid] = now_s
