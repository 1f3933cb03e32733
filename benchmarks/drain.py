"""How long a whole regency's morning takes to drain from Kafka to ledger, and how busy the models are meanwhile."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Literal

from sqlalchemy import create_engine, text

from benchmarks._bare_process import BareProcess, bare_processes, work_together
from benchmarks._conditions import cores
from benchmarks._drain import drain, twice_each
from benchmarks._kafka import own_kafka
from benchmarks._own_pipeline import require_parts
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate, ratio
from benchmarks._workplace import Workplace, build_workplace
from dev.postgres import running_postgres
from hadir.app.logs import log_to
from hadir.core.settings import Settings

__all__ = ["BacklogSize", "measure"]

OF_CEILING = 0.85
"""A backlog may take `check_ins / (OF_CEILING * ceiling)` seconds; about 40 on two cores. The goal is 30 s."""

LedgerKind = Literal["sqlite", "postgresql"]
LEDGERS: tuple[LedgerKind, ...] = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class BacklogSize:
    """`check_ins` lie in the log when the clock starts, by `selfies` people among `stand_ins` others."""

    check_ins: int = 10_000
    selfies: int = 768
    stand_ins: int = 13_000
    ledgers: tuple[LedgerKind, ...] = LEDGERS


def measure(rounds: int, size: BacklogSize = BacklogSize()) -> Report:
    """The same backlog with either ledger, in turns with bare processes on all cores; every guarantee is on."""
    require_parts()
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as name:
        folder = Path(name)
        log_to(folder / "log.jsonl")
        workplace = build_workplace(
            folder, size.selfies, size.stand_ins, alike=twice_each(size.check_ins, size.selfies)
        )
        batch = workplace.settings("plan", "kafka").pool.batch_photos
        with (
            own_kafka(folder / "kafka", ["kafka"]) as bootstrap,
            _postgres(size.ledgers) as url,
            bare_processes(workplace, cores(), batch) as bare,
        ):
            ceiling: Side = partial(_ceiling, bare, size)
            figures = alternate({"ceiling": ceiling, **_drains(workplace, bootstrap, url, size)}, rounds)
    for ledger in size.ledgers:
        figures |= _shares(ledger, figures)
    conditions = {
        **workplace.conditions(),
        "backlog": size.check_ins,
        "broker": "Apache Kafka, one node",
        "ledgers": ", ".join(size.ledgers),
        "face_actors": cores(),
        "batch": batch,
        "rounds": rounds,
    }
    return Report("drain", conditions, figures, [Bar(f"{one}_of_allowed", "at most", 1.0) for one in size.ledgers])


def _ceiling(bare: Sequence[BareProcess], size: BacklogSize) -> dict[str, float]:
    done = work_together(bare, max(1, size.check_ins // size.selfies // len(bare)))
    inside_ms = sum(1000 * work.inside_s for work in done.each) / sum(work.photos for work in done.each)
    return {"photos_per_s": done.photos_per_s, "inside_models_ms_per_photo": inside_ms}


def _drains(workplace: Workplace, bootstrap: str, url: str, size: BacklogSize) -> Mapping[str, Side]:
    """Each run has a ledger of its own."""
    numbers = count(1)

    def run(ledger: LedgerKind) -> dict[str, float]:
        number = next(numbers)
        settings = workplace.settings(f"{ledger}-{number}", "kafka", bootstrap)
        if ledger == "postgresql":
            settings = _with_ledger(settings, _fresh_database(url, number))
        found = drain(settings, workplace, size.check_ins)
        return {"seconds": size.check_ins / found["photos_per_s"], **found}

    return {ledger: partial(run, ledger) for ledger in size.ledgers}


def _shares(ledger: LedgerKind, figures: Mapping[str, Spread]) -> dict[str, Spread]:
    """`of_allowed`: seconds over the seconds that the bar allows. `actors_busy`: processor time of the face actors over
    the time that they had. `models_busy`: what of it the models themselves take, by the bare processes' own share."""
    rate, ceiling = figures[f"{ledger}_photos_per_s"], figures["ceiling_photos_per_s"]
    of_ceiling = ratio(rate, ceiling)
    actors = figures[f"{ledger}_face_actor_cpu_ms_per_photo"]
    return {
        f"{ledger}_of_ceiling": of_ceiling,
        f"{ledger}_of_allowed": Spread(tuple(OF_CEILING / one for one in of_ceiling.rounds)),
        f"{ledger}_actors_busy": _busy(actors, rate),
        f"{ledger}_models_busy": _busy(figures["ceiling_inside_models_ms_per_photo"], rate),
    }


def _busy(ms_per_photo: Spread, photos_per_s: Spread) -> Spread:
    pairs = zip(ms_per_photo.rounds, photos_per_s.rounds, strict=True)
    return Spread(tuple(ms * rate / 1000 / cores() for ms, rate in pairs))


def _with_ledger(settings: Settings, url: str) -> Settings:
    return settings.model_copy(update={"ledger": settings.ledger.model_copy(update={"url": url})})


def _fresh_database(url: str, number: int) -> str:
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE run_{number}"))
    engine.dispose()
    return f"{url.rpartition('/')[0]}/run_{number}"


@contextmanager
def _postgres(ledgers: Sequence[LedgerKind]) -> Iterator[str]:
    """One server for all rounds, where one is wanted. Durable: a bar for a morning that could be lost means nothing."""
    if "postgresql" not in ledgers:
        yield ""
        return
    with (
        tempfile.TemporaryDirectory(prefix="hadir-postgres-") as name,
        running_postgres(Path(name), durable=True) as url,
    ):
        yield url


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.drain", measure, sys.argv[1:]))
