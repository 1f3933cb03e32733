"""The 07:00 surge at real speed, a steady load, and a step, through real Kafka and PostgreSQL on the same cores."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks._bare_process import bare_processes, work_together
from benchmarks._conditions import cores
from benchmarks._own_pipeline import OwnCity, faults_of, found_city
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, alternate, ratio, say
from hadir.app.logs import log_to
from hadir.app.surge_rehearsal import SurgeOptions

__all__ = ["SurgeSize", "measure"]

MINUTES = 10.0
BARS = (
    Bar("morning_p99_s", "below", 0.3),
    Bar("steady_p99_s", "below", 0.4),
    Bar("step_oldest_undecided_s", "at most", 20.0),
    Bar("morning_faults", "at most", 0),
    Bar("steady_faults", "at most", 0),
    Bar("step_faults", "at most", 0),
)
"""The goals are .1 s, .2 s and 15 s."""


@dataclass(frozen=True, slots=True)
class SurgeSize:
    """A morning of `people`; `steady_per_s` for `steady_s` seconds; `step_per_s` for `step_s`."""

    people: int = 10_000
    steady_per_s: float = 130.0
    steady_s: float = 180.0
    step_per_s: float = 500.0
    step_s: float = 20.0
    city: int = 13_000
    photos: int = 350
    batch: int = 32
    pool: str = "ray"


def measure(rounds: int, minutes: float = MINUTES, size: SurgeSize = SurgeSize()) -> Report:
    """A round is a morning's busiest `minutes`, the steady load, the step, and the ceiling: a quarter of an hour."""
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        city = found_city(folder, size.people, size.city, size.photos, size.pool)
        workplace = city.workplace()
        with bare_processes(workplace, cores(), size.batch) as bare:
            sides: dict[str, Side] = {
                "ceiling": lambda: {"photos_per_s": work_together(bare, passes=4).photos_per_s},
                **{side: partial(_surge, city, options) for side, options in _surges(folder, size, minutes).items()},
            }
            figures = alternate(sides, rounds)
    for side in ("steady", "step"):
        figures[f"{side}_of_ceiling"] = ratio(figures[f"{side}_per_s"], figures["ceiling_photos_per_s"])
    conditions = {
        **city.conditions(),
        "pack": workplace.pack,
        "morning": f"the busiest {minutes:g} minutes of {size.people:,} people's, at real speed"
        + ("" if minutes >= MINUTES else f" (shortened: the bar is for {MINUTES:g})"),
        "steady": f"{size.steady_per_s:g} a second for {size.steady_s:g} s",
        "step": f"{size.step_per_s:g} a second for {size.step_s:g} s, then until all is decided",
        "rounds": rounds,
    }
    return Report("surge", conditions, figures, BARS)


def _surges(folder: Path, size: SurgeSize, minutes: float) -> Mapping[str, SurgeOptions]:
    def flat(side: str, per_s: float, seconds: float) -> SurgeOptions:
        people = round(per_s * seconds)
        return SurgeOptions(str(folder / side), "flat", people, minutes=seconds / 60, as_json=True)

    return {
        "morning": SurgeOptions(str(folder / "morning"), "morning", size.people, minutes=minutes, as_json=True),
        "steady": flat("steady", size.steady_per_s, size.steady_s),
        "step": flat("step", size.step_per_s, size.step_s),
    }


def _surge(city: OwnCity, options: SurgeOptions) -> dict[str, float]:
    with city.pipeline() as (_, send):
        numbers = send(options)
    if faults_of(numbers):
        say(f"not good: {[one for one in numbers['invariants'] if one['holds'] is False]}, {numbers['verdicts']}")
    return _figures(numbers)


def _figures(numbers: dict[str, Any]) -> dict[str, float]:
    spread = numbers["latency_s"] or {"p50": float("inf"), "p99": float("inf")}
    return {
        "check_ins": float(numbers["check_ins"]),
        "per_s": numbers["throughput_per_s"] or 0.0,
        "p50_s": spread["p50"],
        "p99_s": spread["p99"],
        "oldest_undecided_s": numbers["oldest_undecided_s"],
        "faults": float(faults_of(numbers)),
        "generator_cores": numbers["generator"]["cores"],
        "generator_cpu_ms_per_check_in": numbers["generator"]["cpu_ms_per_check_in"],
        "sent_late_s": numbers["generator"]["behind_s"],
    }


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.surge", measure, sys.argv[1:], minutes=MINUTES))
