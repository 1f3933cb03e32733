"""From log to ledger through Ray on all cores, against what the models alone allow on the same cores.

Where there is an ArcFace recogniser, also against the plain InsightFace loop with it.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

from benchmarks._against_insightface import BARS, Contest, ContestSize, contest, pack_folder
from benchmarks._bare_process import BareProcess, bare_processes, work_together
from benchmarks._conditions import cores
from benchmarks._drain import drain, twice_each
from benchmarks._kafka import own_kafka
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate, ratio
from benchmarks._workplace import Workplace, build_workplace
from dev.kafka.node import missing_part
from hadir.app.logs import log_to

__all__ = ["ContestSize", "DrainSize", "measure"]

OF_CEILING = 0.90
"""A prototype without delivery reached .88 to 1.00 at batch 32 (path-speed.md); the goal is .95."""
ACTOR_MB = 300

Broker = Literal["memory", "kafka"]


@dataclass(frozen=True, slots=True)
class DrainSize:
    """Each side looks at about `check_ins` photos per round, of `selfies` in many lights; everybody signs twice.

    A morning has more than ten thousand check-ins: with half as many the first and the last batch count for 3 %
    (measured).
    """

    check_ins: int = 12_288
    selfies: int = 768
    stand_ins: int = 7_600
    brokers: tuple[Broker, ...] = ("memory", "kafka")
    contest: ContestSize | None = field(default_factory=ContestSize)


def measure(rounds: int, size: DrainSize = DrainSize()) -> Report:
    """Drain a backlog through memory and Kafka, in turns with bare processes and InsightFace's loop on all cores."""
    left_out = []
    if "kafka" in size.brokers and (missing := missing_part()) is not None:
        left_out.append(f"kafka: {missing}")
    brokers = [broker for broker in size.brokers if broker == "memory" or not left_out]
    if size.contest is not None and pack_folder() is None:
        left_out.append("insightface loop: no ArcFace pack; name a folder with HADIR_BENCH_PACK")
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        workplace = build_workplace(
            folder, size.selfies, size.stand_ins, alike=twice_each(size.check_ins, size.selfies)
        )
        batch = workplace.settings("plan", "memory").pool.batch_photos
        with (
            own_kafka(folder / "kafka", brokers) as bootstrap,
            bare_processes(workplace, cores(), batch) as bare,
            _contest(folder, brokers[-1], bootstrap, size.contest) as others,
        ):
            drains = _drains(workplace, brokers, bootstrap, size)
            figures = alternate({"ceiling": partial(_ceiling, bare, size), **drains, **others.sides}, rounds)
        for broker in brokers:
            figures[f"{broker}_of_ceiling"] = ratio(figures[f"{broker}_photos_per_s"], figures["ceiling_photos_per_s"])
        if others.sides:
            figures |= others.compare(figures)
    conditions = {
        **workplace.conditions(),
        "check_ins_per_round": size.check_ins,
        "batch": batch,
        "face_actors": cores(),
        "threads_per_actor": 1,
        "ledger": "sqlite",
        "rounds": rounds,
    }
    headline = _headline(workplace.pack, brokers[-1], figures)
    return Report("end-to-end", conditions, figures, _bars(brokers, figures), left_out, headline)


@contextmanager
def _contest(folder: Path, broker: Broker, bootstrap: str, size: ContestSize | None) -> Iterator[Contest]:
    """Nobody to compare with where there is no pack."""
    pack = pack_folder()
    if size is None or pack is None:
        yield Contest({}, lambda _: {})
        return
    with contest(folder, pack, broker, bootstrap, size) as others:
        yield others


def _headline(pack: str, broker: Broker, figures: Mapping[str, Spread]) -> dict[str, object]:
    """Medians: of the broker that costs more, and of the loop where it ran (else null)."""

    def median(name: str) -> float | None:
        return figures[name].median if name in figures else None

    return {
        "photos_per_s": median(f"{broker}_photos_per_s"),
        "ceiling_photos_per_s": median("ceiling_photos_per_s"),
        "ratio_to_ceiling": median(f"{broker}_of_ceiling"),
        "insightface_loop_photos_per_s": median("insightface_loop_photos_per_s"),
        "ratio_to_insightface_loop": median("open_front_over_insightface_loop"),
        "ratio_to_insightface_loop_same_models": median("same_models_over_insightface_loop"),
        "broker": broker,
        "pack": pack,
        "cores": cores(),
    }


def _ceiling(bare: Sequence[BareProcess], size: DrainSize) -> dict[str, float]:
    ceiling = work_together(bare, max(1, size.check_ins // size.selfies // len(bare)))
    return {"photos_per_s": ceiling.photos_per_s, "rss_mb": max(work.rss_bytes for work in ceiling.each) / 1e6}


def _drains(workplace: Workplace, brokers: Sequence[Broker], bootstrap: str, size: DrainSize) -> Mapping[str, Side]:
    """One side per broker; every run has a ledger and a group of its own."""
    numbers = count(1)

    def run(broker: Broker) -> dict[str, float]:
        settings = workplace.settings(f"{broker}-{next(numbers)}", broker, bootstrap)
        return drain(settings, workplace, size.check_ins)

    return {broker: partial(run, broker) for broker in brokers}


def _bars(brokers: Sequence[Broker], figures: Mapping[str, Spread]) -> list[Bar]:
    return [
        *(Bar(f"{broker}_of_ceiling", "at least", OF_CEILING) for broker in brokers),
        *(Bar(f"{broker}_face_actor_rss_mb", "below", ACTOR_MB) for broker in brokers),
        *(bar for bar in BARS if bar.figure in figures),
    ]


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.end_to_end", measure, sys.argv[1:]))
