"""Whether processes grow: resident memory sampled while they work, and the slope of each with its interval."""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import psutil
from matplotlib.figure import Figure

__all__ = ["BLOCKS", "MemoryWatch", "Sample", "Slope", "memory_svg", "slope_of"]

BLOCKS = 20
_T95 = 2.101
"""Student's t at 97.5 %, 18 degrees of freedom: as many as `BLOCKS` means leave a straight line."""
_EVERY_S = 2.0


@dataclass(frozen=True, slots=True)
class Sample:
    """`rss_mb` of one process `at_s` seconds after the watch began."""

    at_s: float
    rss_mb: float


@dataclass(frozen=True, slots=True)
class Slope:
    """Megabytes an hour with their 95 % interval, and the size at the end."""

    mb_per_h: float
    low: float
    high: float
    last_mb: float


class MemoryWatch:
    """Samples every two seconds on a thread of its own, while the block lasts. `series` are by kind and number: the
    processes that lived at the same time, in the order of their pids."""

    def __init__(self, processes: Callable[[], Mapping[str, Sequence[psutil.Process]]]) -> None:
        self._processes = processes
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory")
        self._start_s = time.monotonic()
        self.series: dict[tuple[str, int], list[Sample]] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.is_set():
            now_s = time.monotonic() - self._start_s
            for kind, processes in self._processes().items():
                for process in processes:
                    with suppress(psutil.NoSuchProcess):
                        rss_mb = process.memory_info().rss / 1e6
                        self.series.setdefault((kind, process.pid), []).append(Sample(now_s, rss_mb))
            self._end.wait(_EVERY_S)


def slope_of(samples: Sequence[Sample], from_s: float) -> Slope | None:
    """Least squares over the means of `BLOCKS` blocks of equal length from `from_s` on; None where there are fewer
    samples than that. Means, since samples two seconds apart tell nearly the same thing twice and an interval from all
    of them would be too narrow."""
    used = [one for one in samples if one.at_s >= from_s]
    if len(used) < 2 * BLOCKS:
        return None
    blocks = np.array_split(np.array([(one.at_s / 3600, one.rss_mb) for one in used]), BLOCKS)
    x, y = np.array([block.mean(axis=0) for block in blocks]).T
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ (y - y.mean())) / spread
    left = y - y.mean() - slope * centred
    error = float(np.sqrt((left @ left) / (BLOCKS - 2) / spread))
    return Slope(slope, slope - _T95 * error, slope + _T95 * error, used[-1].rss_mb)


def memory_svg(series: Mapping[tuple[str, int], Sequence[Sample]], from_s: float) -> str:
    """Each process against its size at the end of the warm-up: what grows, rises."""
    figure = Figure(figsize=(7.2, 3.6), layout="constrained")
    axes = figure.add_subplot()
    for (kind, _), samples in sorted(series.items()):
        base = next((one.rss_mb for one in samples if one.at_s >= from_s), None)
        if base is not None:
            axes.plot(
                [one.at_s / 60 for one in samples], [one.rss_mb - base for one in samples], label=kind, linewidth=1
            )
    axes.axvline(from_s / 60, color="#8e24aa", linewidth=1)
    axes.set_xlabel("minutes")
    axes.set_ylabel("MB above the end of the warm-up")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]
