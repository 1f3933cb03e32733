"""Exact search, as a face actor does it, against a plain matrix product with the same answer's first half."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate, ratio, say
from benchmarks._selfies import SEED
from hadir.core.errors import PackError
from hadir.core.vectors import Vectors, normalise
from hadir.faces.packs import load_pack
from hadir.index.flat import FlatIndex, build_flat_index
from hadir.index.people import EnrolledPerson
from hadir.index.synthetic import Statistics, draw_people, read_statistics

__all__ = ["SearchSize", "measure"]

COHORT = 100

OVER_PLAIN = 1.6
"""The index does more than the product: a hundred best in order, the few best again in float64, the claimed person.
Measured at batch 32: 1.4 over 13,000 people, 1.0 over 39,000 (AMD EPYC with AVX-512, two cores, one thread). At batch 1
FAISS's product of one row takes three times NumPy's: .3 ms of a check-in that takes 5, so no bar stands on it."""

PROBE_NOISE = 0.03
"""Standard deviation per dimension: leaves a cosine of about .95 to the person's own vector."""


@dataclass(frozen=True, slots=True)
class SearchSize:
    """Each side answers `probes` probes per round, once for every number of people and every batch size."""

    people: tuple[int, ...] = (13_000, 39_000)
    batches: tuple[int, ...] = (1, 32)
    probes: int = 2_048


@dataclass(frozen=True, slots=True, eq=False)
class _Case:
    index: FlatIndex
    vectors: Vectors
    probes: Vectors
    claimed: Sequence[str]
    batch: int

    def starts(self) -> range:
        return range(0, len(self.probes), self.batch)


def measure(rounds: int, size: SearchSize = SearchSize()) -> Report:
    """Claimed person, two best others and a cohort of 100, against the hundred best of a matrix product."""
    pack = load_pack("open").info
    if pack.statistics is None:
        raise PackError(f"pack {pack.name} has no statistics to draw vectors from: measure them (make pack FACES=DIR)")
    statistics = read_statistics(pack.statistics, pack.precision)
    sides: dict[str, Side] = {}
    for people in size.people:
        say(f"an index of {people:,} people")
        for name, case in _cases(statistics, people, size):
            sides[f"{name}_index"] = partial(_timed, _search, case)
            sides[f"{name}_plain"] = partial(_timed, _multiply, case)
    for run in sides.values():
        run()
    figures = alternate(sides, rounds)
    bars = _compare(figures, size)
    conditions = {
        "dimension": pack.dimension,
        "people": list(size.people),
        "batches": list(size.batches),
        "cohort": COHORT,
        "probes_per_round": size.probes,
        "threads": 1,
        "rounds": rounds,
    }
    return Report("search", conditions, figures, bars)


def _cases(statistics: Statistics, people: int, size: SearchSize) -> list[tuple[str, _Case]]:
    """Everyone counts as real, so that the cohort is taken from all, as with everyone enrolled."""
    vectors, drawn = draw_people(statistics, people, SEED)
    real = [EnrolledPerson(one.person, photos=1, synthetic=False) for one in drawn]
    index = build_flat_index(vectors, real, "bench")
    rng = np.random.default_rng(SEED)
    rows = rng.integers(people, size=size.probes)
    probes = normalise(vectors[rows] + rng.normal(0.0, PROBE_NOISE, (size.probes, vectors.shape[1])))
    claimed = [real[row].person for row in rows]
    return [(_name(people, b), _Case(index, vectors, probes, claimed, b)) for b in size.batches]


def _timed(work: Callable[[_Case], None], case: _Case) -> dict[str, float]:
    start_s = time.perf_counter()
    work(case)
    return {"us_per_probe": 1e6 * (time.perf_counter() - start_s) / len(case.probes)}


def _search(case: _Case) -> None:
    for at in case.starts():
        case.index.search(case.probes[at : at + case.batch], case.claimed[at : at + case.batch], "bench", COHORT)


def _multiply(case: _Case) -> None:
    for at in case.starts():
        scores = case.probes[at : at + case.batch] @ case.vectors.T
        best = np.argpartition(scores, -COHORT, axis=1)[:, -COHORT:]
        np.take_along_axis(scores, best, axis=1)


def _compare(figures: dict[str, Spread], size: SearchSize) -> list[Bar]:
    """Add the ratios; the bar stands on full batches."""
    for name in (_name(people, batch) for people in size.people for batch in size.batches):
        index, plain = figures[f"{name}_index_us_per_probe"], figures[f"{name}_plain_us_per_probe"]
        figures[f"{name}_index_over_plain"] = ratio(index, plain)
    return [
        Bar(f"{_name(people, max(size.batches))}_index_over_plain", "at most", OVER_PLAIN) for people in size.people
    ]


def _name(people: int, batch: int) -> str:
    return f"people_{people}_batch_{batch}"


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.search", measure, sys.argv[1:]))
