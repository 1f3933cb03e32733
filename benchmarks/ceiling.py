"""How many photos a second the models alone allow, and how much of a photo's time is theirs."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks._bare_process import Ceiling, bare_processes, work_together
from benchmarks._conditions import cores
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, alternate, ratio
from benchmarks._workplace import build_workplace

__all__ = ["CeilingSize", "measure"]

BARS = (Bar("one_process_whole_over_inside", "at most", 1.85),)
"""The prototype took 4.8 ms a photo, 3.0 of them inside the models: 1.6 (path-speed.md)."""


@dataclass(frozen=True, slots=True)
class CeilingSize:
    """`selfies` different photos, gone through `passes` times by each process in each round."""

    selfies: int = 96
    passes: int = 6
    stand_ins: int = 13_000
    batch: int = 32


def measure(rounds: int, size: CeilingSize = CeilingSize()) -> Report:
    """The same models and search as in a face actor, in one process and in as many as there are cores."""
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as folder:
        workplace = build_workplace(Path(folder), size.selfies, size.stand_ins)
        with bare_processes(workplace, cores(), size.batch) as processes:
            sides = {
                "one_process": lambda: _figures(work_together(processes[:1], size.passes)),
                "all_cores": lambda: _figures(work_together(processes, size.passes)),
            }
            figures = alternate(sides, rounds)
    figures["all_cores_over_one_process"] = ratio(
        figures["all_cores_photos_per_s"], figures["one_process_photos_per_s"]
    )
    conditions = {
        **workplace.conditions(),
        "photos_per_round_and_process": size.selfies * size.passes,
        "batch": size.batch,
        "processes": cores(),
        "threads_per_process": 1,
        "rounds": rounds,
    }
    return Report("ceiling", conditions, figures, BARS)


def _figures(ceiling: Ceiling) -> dict[str, float]:
    """Of the slowest process, where there are several."""
    work = max(ceiling.each, key=lambda one: one.seconds)
    return {
        "photos_per_s": ceiling.photos_per_s,
        "whole_ms_per_photo": 1000 * work.seconds / work.photos,
        "inside_session_run_ms_per_photo": 1000 * work.inside_s / work.photos,
        "whole_over_inside": work.seconds / work.inside_s,
        "rss_mb": max(one.rss_bytes for one in ceiling.each) / 1e6,
    }


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.ceiling", measure, sys.argv[1:]))
