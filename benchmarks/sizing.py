"""How many cores a site needs: processor time of the whole pipeline at the rates of a morning, not of a backlog.

At a morning's rates batches hold one to four photos, and a check-in costs more than in a drain. What runs costs
something even when nobody checks in, so the time is split: cores = idle + rate × time of one check-in, by least squares
over the rates of a round.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from benchmarks._cpu_watch import CpuWatch
from benchmarks._own_pipeline import OwnCity, faults_of, found_city
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate
from dev.surge_parts import OwnPipeline
from hadir.app.logs import log_to
from hadir.app.surge_rehearsal import SurgeOptions

__all__ = ["SizingSize", "cores_of", "measure"]

PEAK_PER_S = 10.0
"""Check-ins a second of 10,000 people in a morning's steepest five minutes: 30 % of all in 300 s."""
MOST_USE = 0.6
"""Of the cores at the peak, a choice: a single queue (M/M/1) then takes 1 / (1 - .6) = 2.5 times its work."""


@dataclass(frozen=True, slots=True)
class SizingSize:
    """`rates_per_s` are sent for `seconds` each, to a pipeline of its own."""

    rates_per_s: tuple[float, ...] = (5.0, 10.0, 40.0, 100.0)
    seconds: float = 60.0
    people: int = 10_000
    city: int = 13_000
    photos: int = 350
    pool: str = "ray"


def measure(rounds: int, size: SizingSize = SizingSize()) -> Report:
    """Each rate in turn, all of them once a round: some seven minutes."""
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        city = found_city(folder, size.people, size.city, size.photos, size.pool)
        sides: dict[str, Side] = {
            f"at_{rate:g}_per_s": partial(_at_rate, city, folder, rate, size.seconds) for rate in size.rates_per_s
        }
        figures = alternate(sides, rounds)
    figures |= _fitted(figures, size.rates_per_s)
    conditions = {
        **city.conditions(),
        "seconds_each": size.seconds,
        "peak": f"{PEAK_PER_S:g} check-ins a second for 10,000 people",
        "cores_per_10000_people": f"idle cores + peak × time of one check-in, over {MOST_USE:g}",
        "counted": "everything but the generator: driver, face actors, Ray, broker, database",
        "rounds": rounds,
    }
    return Report("sizing", conditions, figures, [Bar(f"{side}_faults", "at most", 0) for side in sides])


def cores_of(rates_per_s: Sequence[float], cores: Sequence[float]) -> tuple[float, float]:
    """Idle cores and CPU milliseconds of one check-in, by least squares of cores used over rates."""
    per_s, idle = np.polyfit(np.asarray(rates_per_s), np.asarray(cores), 1)
    return max(0.0, float(idle)), 1000 * float(per_s)


def _at_rate(city: OwnCity, folder: Path, per_s: float, seconds: float) -> dict[str, float]:
    count = round(per_s * seconds)
    options = SurgeOptions(str(folder / f"at-{per_s:g}"), "flat", count, minutes=seconds / 60, as_json=True)
    with city.pipeline() as (pipeline, send):
        with CpuWatch(partial(_everyone, pipeline)) as watch:
            numbers = send(options)
        taken_s = watch.seconds()
    spread = numbers["latency_s"] or {"p50": float("inf"), "p99": float("inf")}
    lasted_s = max(seconds, count / max(numbers["throughput_per_s"] or 0.0, 1e-9))
    by_kind = {f"{kind}_cpu_ms_per_check_in": 1000 * one / count for kind, one in sorted(taken_s.items())}
    return {
        "cores": sum(taken_s.values()) / lasted_s,
        **by_kind,
        "p50_s": spread["p50"],
        "p99_s": spread["p99"],
        "faults": float(faults_of(numbers)),
    }


def _everyone(pipeline: OwnPipeline) -> dict[str, list[psutil.Process]]:
    """By kind; what else of Ray runs below the station (its agents) is `ray_beside`."""
    found = pipeline.processes()
    known = {one.pid for processes in found.values() for one in processes}
    with suppress(psutil.NoSuchProcess):
        below = [one for station in found.get("station", ()) for one in station.children(recursive=True)]
        found["ray_beside"] = [one for one in below if one.pid not in known]
    return found


def _fitted(figures: Mapping[str, Spread], rates_per_s: Sequence[float]) -> dict[str, Spread]:
    by_rate = [figures[f"at_{rate:g}_per_s_cores"].rounds for rate in rates_per_s]
    fits = [cores_of(rates_per_s, cores) for cores in zip(*by_rate, strict=True)]
    needed = [(idle + PEAK_PER_S * ms / 1000) / MOST_USE for idle, ms in fits]
    return {
        "idle_cores": Spread(tuple(idle for idle, _ in fits)),
        "cpu_ms_per_check_in": Spread(tuple(ms for _, ms in fits)),
        "cores_per_10000_people": Spread(tuple(needed)),
    }


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.sizing", measure, sys.argv[1:]))
