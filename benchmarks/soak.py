"""An hour at four fifths of what the pipeline can do: does any process grow, and does the wait?"""

from __future__ import annotations

import json
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from kafka import TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from benchmarks._memory import MemoryWatch, Sample, Slope, memory_svg, slope_of
from benchmarks._own_pipeline import OwnCity, faults_of, found_city
from benchmarks._past_photos import PastPhotos
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Spread, say
from benchmarks._selfies import SEED
from hadir.app.logs import log_to
from hadir.app.report import Page, Plot, Table, Tile, write_page
from hadir.app.surge_rehearsal import SurgeOptions
from hadir.app.wiring import open_ledger
from hadir.attendance.photo_memory import LATE_MS
from hadir.core.clock import SystemClock
from hadir.core.errors import StreamUnavailable
from hadir.core.settings import Settings
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.topics import CHECK_INS

__all__ = ["SoakSize", "measure"]

MINUTES = 60.0
MOST_MB_PER_H = 8.0
"""Of one process. Ten mornings a day of this would be a gigabyte in a fortnight; below it an hour cannot tell growth
from the allocator's habits."""
WATCHED = ("station", "face_actor", "raylet", "gcs_server", "broker")
"""Database backends come and go."""
NOT_OURS = frozenset({"broker"})
"""Shown, and no bar: Java's heap fills up to its limit before it is swept."""
_FORGET_EVERY_S = 20.0
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class SoakSize:
    """A burst of `burst` check-ins tells what the pipeline can do; `load` of that is sent for as long as asked for. The
    first `warm_up` of the time does not count."""

    people: int = 10_000
    burst: int = 6_000
    burst_per_s: float = 500.0
    load: float = 0.8
    warm_up: float = 0.25
    city: int = 13_000
    photos: int = 350
    pool: str = "ray"
    folder: Path = Path("runs/soak")


def measure(rounds: int, minutes: float = MINUTES, size: SoakSize = SoakSize()) -> Report:
    """One stretch of `minutes` for each round; the last one's plot is in runs/soak."""
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        city = found_city(folder, size.people, size.city, size.photos, size.pool)
        for number in range(1, rounds + 1):
            per_s = size.load * _capacity(city, folder, size)
            say(f"round {number} of {rounds}: {minutes:g} minutes at {per_s:.0f} a second")
            found, series = _soak(city, folder, per_s, minutes)
            found |= _slopes(series, 60 * minutes * size.warm_up)
            for figure, value in found.items():
                figures.setdefault(figure, []).append(value)
            _write(size.folder, found, series, 60 * minutes * size.warm_up)
    spreads = {figure: Spread(tuple(values)) for figure, values in figures.items()}
    conditions = {
        **city.conditions(),
        "load": f"{size.load:.0%} of what a burst of {size.burst:,} was decided at, in the same round",
        "minutes": f"{minutes:g}" + ("" if minutes >= MINUTES else f" (shortened: the bar is for {MINUTES:g})"),
        "warm_up": f"the first {size.warm_up:.0%} do not count",
        "photos_remembered": "as after a month: one is forgotten for each that comes",
        "slope": "least squares over 20 block means, 95 % interval (t, 18 degrees of freedom)",
        "rounds": rounds,
    }
    full = minutes >= MINUTES
    left_out = [] if full else ["the upper end of the intervals is no bar in less than an hour: they are too wide"]
    return Report("soak", conditions, spreads, _bars(spreads, full), left_out)


def _bars(figures: Mapping[str, Spread], full: bool) -> list[Bar]:
    """In a short run a process fails where it surely grows, in a whole hour where it may."""
    end = "high" if full else "low"
    ends = {kind: f"{kind}_mb_per_h_{end}" for kind in WATCHED if kind not in NOT_OURS}
    grown = sorted(name for name in ends.values() if name in figures)
    return [*(Bar(one, "at most", MOST_MB_PER_H) for one in grown), Bar("faults", "at most", 0)]


def _capacity(city: OwnCity, folder: Path, size: SoakSize) -> float:
    """Verdicts a second while more comes than can be decided."""
    seconds = size.burst / size.burst_per_s
    options = SurgeOptions(str(folder / "burst"), "flat", size.burst, minutes=seconds / 60, as_json=True)
    with city.pipeline() as (_, send):
        return float(send(options)["throughput_per_s"])


def _soak(
    city: OwnCity, folder: Path, per_s: float, minutes: float
) -> tuple[dict[str, float], Mapping[tuple[str, int], Sequence[Sample]]]:
    count = max(1, round(per_s * 60 * minutes))
    options = SurgeOptions(str(folder / "soak"), "flat", count, minutes=minutes, as_json=True)
    with city.pipeline(partial(_as_after_a_month, count, minutes)) as (pipeline, send):
        cluster = KafkaCluster(pipeline.bootstrap)
        with MemoryWatch(pipeline.processes) as watch, _forgetting(cluster):
            numbers = send(options)
        series = {key: samples for key, samples in watch.series.items() if key[0] in WATCHED}
    if faults_of(numbers):
        broken = [one for one in numbers["invariants"] if one["holds"] is False]
        counts = {name: numbers[name] for name in ("missing", "doubled", "wrong_verdicts", "open")}
        say(f"not good: {counts}, {numbers['verdicts']}, {broken}")
    spread = numbers["latency_s"] or {"p50": float("inf"), "p99": float("inf")}
    found = {
        "check_ins": float(numbers["check_ins"]),
        "per_s": per_s,
        "p50_s": spread["p50"],
        "p99_s": spread["p99"],
        "faults": float(faults_of(numbers)),
        "generator_cores": numbers["generator"]["cores"],
    }
    return found, series


def _as_after_a_month(count: int, minutes: float, settings: Settings) -> None:
    """As many photos as the soak will bring, of a month ago: one is forgotten for each that comes. An hour here is a
    month of a regency's check-ins, and the memory of their marks would grow as it does in a site's first month."""
    oldest_ms = SystemClock().now_ms() - settings.replay.window_days * DAY_MS - LATE_MS
    apart_ms = 60_000 * minutes / count
    with closing(open_ledger(settings.ledger.url)) as ledger:
        PastPhotos(ledger, SEED).remember(count, lambda number: oldest_ms + round(number * apart_ms))


def _slopes(series: Mapping[tuple[str, int], Sequence[Sample]], from_s: float) -> dict[str, float]:
    """Of each kind of process the one that grows most."""
    worst: dict[str, Slope] = {}
    for (kind, _), samples in series.items():
        slope = slope_of(samples, from_s)
        if slope is not None and (kind not in worst or slope.mb_per_h > worst[kind].mb_per_h):
            worst[kind] = slope
    found: dict[str, float] = {}
    for kind, slope in worst.items():
        found |= {
            f"{kind}_mb_per_h": slope.mb_per_h,
            f"{kind}_mb_per_h_low": slope.low,
            f"{kind}_mb_per_h_high": slope.high,
            f"{kind}_rss_mb": slope.last_mb,
        }
    return found


@contextmanager
def _forgetting(cluster: KafkaCluster) -> Iterator[None]:
    """An hour of selfies is tens of gigabytes: what the group has committed is deleted from the log, every while."""
    end = threading.Event()

    def run() -> None:
        while not end.wait(_FORGET_EVERY_S):
            with suppress(KafkaError, StreamUnavailable):
                committed = KafkaReader(cluster).committed(CHECK_INS, "hadir-bench")
                with closing(cluster.open(KafkaAdminClient)) as admin:
                    admin.delete_records({TopicPartition(CHECK_INS, p): offset for p, offset in committed.items()})

    thread = threading.Thread(target=run, name="forgetting")
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join()


def _write(
    folder: Path, found: Mapping[str, float], series: Mapping[tuple[str, int], Sequence[Sample]], from_s: float
) -> None:
    """soak.json with every sample, soak.html with the plot."""
    folder.mkdir(parents=True, exist_ok=True)
    samples = {f"{kind} {pid}": [(one.at_s, one.rss_mb) for one in ones] for (kind, pid), ones in series.items()}
    document = {"figures": dict(found), "rss_mb_by_second": samples}
    (folder / "soak.json").write_text(json.dumps(document) + "\n", encoding="utf-8")
    grown = sorted(name.removesuffix("_mb_per_h") for name in found if name.endswith("_mb_per_h"))
    rows = [
        (kind, *(f"{found[f'{kind}_{what}']:+.2f}" for what in ("mb_per_h", "mb_per_h_low", "mb_per_h_high")))
        for kind in grown
    ]
    page = Page(
        title="soak",
        subtitle=f"{found['check_ins']:,.0f} check-ins at {found['per_s']:.0f} a second",
        caveat="Resident memory counts shared pages in each process, and falls only when the system asks.",
        tiles=[Tile("p99, s", f"{found['p99_s']:.2f}"), Tile("faults", f"{found['faults']:.0f}")],
        plots=[Plot("Memory", "A purple line ends the warm-up.", memory_svg(series, from_s))],
        tables=[
            Table("Growth, MB an hour", "Of each kind the process that grows most.", ("", "slope", "low", "high"), rows)
        ],
        places=[("samples", str(folder / "soak.json"))],
    )
    write_page(page, folder / "soak.html")


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.soak", measure, sys.argv[1:], minutes=MINUTES))
