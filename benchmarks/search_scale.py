"""From one regency to the whole country: exact search in one process and in shards, memory, latency and equality."""

from __future__ import annotations

import gc
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import psutil
from numpy.typing import NDArray

from benchmarks._conditions import cores
from benchmarks._large_snapshot import write_large_snapshot
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Spread, alternate, ratio, say
from hadir.actors.cluster import LocalRay
from hadir.actors.index_shards import IndexShards
from hadir.app.logs import log_to
from hadir.core.errors import PackError
from hadir.core.vectors import Vectors, normalise
from hadir.faces.packs import load_pack
from hadir.index.faiss_vectors import read_vectors
from hadir.index.flat import FlatIndex
from hadir.index.search import FaceIndex, SearchResult
from hadir.index.shards import load_shard
from hadir.index.snapshot_checks import VECTORS
from hadir.index.synthetic import read_statistics

__all__ = ["ScaleSize", "measure"]

COHORT = 100
SEED = 7
PROBE_NOISE = 0.03
EQUAL_WITHIN = 1e-5
"""As the index promises."""


@dataclass(frozen=True, slots=True)
class ScaleSize:
    """A regency, a province, a large one, and every public servant of the country."""

    people: tuple[int, ...] = (13_000, 100_000, 1_000_000, 4_700_000)
    batches: tuple[int, ...] = (1, 32)
    searches: int = 8
    compared: int = 8
    """Probes whose answers are held against a float64 scan of everybody."""


def measure(rounds: int, size: ScaleSize = ScaleSize()) -> Report:
    """Search among drawn people: the unsharded index of a face actor against as many shards as cores on Ray."""
    pack = load_pack("open").info
    if pack.statistics is None:
        raise PackError(f"pack {pack.name} has no statistics to draw vectors from: measure them (make pack FACES=DIR)")
    statistics = read_statistics(pack.statistics, pack.precision)
    figures: dict[str, Spread] = {}
    shards = cores()
    with tempfile.TemporaryDirectory(prefix="hadir-scale-") as name:
        log_to(Path(name) / "log.jsonl")
        ray = LocalRay.start(Path(name) / "run", actors=shards)
        try:
            for people in size.people:
                say(f"{people:,} people: drawing them")
                folder = write_large_snapshot(Path(name) / str(people), pack, statistics, people)
                say(f"{people:,} people: loading one index and {shards} shards")
                with _side_by_side(folder, shards) as (whole, sharded, memory):
                    probes = _Probes(folder, whole, size)
                    figures |= {f"people_{people}_{k}": _once(v) for k, v in memory.items()}
                    figures[f"people_{people}_differing_answers"] = _once(probes.differing(whole, sharded))
                    say(f"{people:,} people: searching")
                    figures |= _timed(people, probes, whole, sharded, rounds=rounds, size=size)
                shutil.rmtree(folder)
        finally:
            ray.close()
    bars = [Bar(f"people_{people}_differing_answers", "at most", 0) for people in size.people]
    conditions = {
        "dimension": pack.dimension,
        "people": list(size.people),
        "batches": list(size.batches),
        "cohort": COHORT,
        "shards": shards,
        "threads_per_shard": 1,
        "searches_per_round": size.searches,
        "vectors": "drawn from the pack's statistics",
        "rounds": rounds,
    }
    return Report("search-scale", conditions, figures, bars)


@contextmanager
def _side_by_side(folder: Path, shards: int) -> Iterator[tuple[FlatIndex, FaceIndex, dict[str, float]]]:
    """The whole index in this process, the same in shards, and the resident memory of each in megabytes."""
    gc.collect()
    before = psutil.Process().memory_info().rss
    whole = load_shard(folder, 0, 1)
    memory = {"one_process_mb": (psutil.Process().memory_info().rss - before) / 1e6}
    started = IndexShards.start(folder, shards)
    try:
        held = [p.memory_info().rss for p in psutil.process_iter(["name"]) if p.info["name"] == "ray::ShardActor"]
        memory["largest_shard_mb"] = max(held) / 1e6
        yield whole, started.snapshot.connect(), memory
    finally:
        started.close()


class _Probes:
    """Noisy vectors of some of the people, who are claimed, and what a plain float64 scan says of the first few."""

    def __init__(self, folder: Path, whole: FlatIndex, size: ScaleSize) -> None:
        matrix = read_vectors(folder / VECTORS).matrix
        rng = np.random.default_rng(SEED)
        rows = rng.integers(len(matrix), size=max(size.compared, *size.batches))
        self.vectors = normalise(matrix[rows] + rng.normal(0.0, PROBE_NOISE, (len(rows), matrix.shape[1])))
        self.claimed = [whole.people[row].person for row in rows]
        self._truth = [_scan(matrix, self.vectors[n], int(rows[n])) for n in range(size.compared)]
        self._people = whole.people

    def differing(self, *indexes: FaceIndex) -> float:
        """How many answers of the indexes are not the scan's: another best person, or a score that is off."""
        return float(
            sum(
                not self._right(answer, scores, best)
                for index in indexes
                for answer, (scores, best) in zip(self._ask(index), self._truth, strict=True)
            )
        )

    def _ask(self, index: FaceIndex) -> Sequence[SearchResult]:
        count = len(self._truth)
        return index.search(self.vectors[:count], self.claimed[:count], index.embedding_space, COHORT)

    def _right(self, answer: SearchResult, scores: NDArray[np.float64], best: int) -> bool:
        return (
            answer.claimed is not None
            and answer.others[0].person == self._people[best].person
            and bool(np.abs(answer.cohort - scores).max() <= EQUAL_WITHIN)
        )


def _scan(matrix: Vectors, probe: NDArray[np.float32], claimed: int) -> tuple[NDArray[np.float64], int]:
    """The cohort's scores without the claimed row, descending, and the row of the best other person."""
    exact = probe.astype(np.float64)
    scores = np.concatenate([matrix[at : at + 100_000] @ exact for at in range(0, len(matrix), 100_000)])
    scores[claimed] = -np.inf
    top = np.argpartition(scores, -COHORT)[-COHORT:]
    top = top[np.argsort(-scores[top])]
    return scores[top], int(top[0])


def _timed(
    people: int, probes: _Probes, whole: FaceIndex, sharded: FaceIndex, *, rounds: int, size: ScaleSize
) -> dict[str, Spread]:
    found: dict[str, Spread] = {}
    for batch in size.batches:
        name = f"people_{people}_batch_{batch}"
        sides = {
            f"{name}_one_process": partial(_search, whole, probes, batch, size.searches),
            f"{name}_sharded": partial(_search, sharded, probes, batch, size.searches),
        }
        for warm_up in sides.values():
            warm_up()
        figures = alternate(sides, rounds)
        found |= figures
        found[f"{name}_sharded_over_one"] = ratio(figures[f"{name}_sharded_ms"], figures[f"{name}_one_process_ms"])
    return found


def _search(index: FaceIndex, probes: _Probes, batch: int, searches: int) -> dict[str, float]:
    """The median of some searches, milliseconds from question to answer."""
    taken = []
    for _ in range(searches):
        start_s = time.perf_counter()
        index.search(probes.vectors[:batch], probes.claimed[:batch], index.embedding_space, COHORT)
        taken.append(1e3 * (time.perf_counter() - start_s))
    return {"ms": float(np.median(taken))}


def _once(value: float) -> Spread:
    return Spread((value,))


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.search_scale", measure, sys.argv[1:]))
