"""What score normalisation and the watch over impostors add to a photo, beside what looking at it costs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate, ratio, say
from benchmarks._selfies import SEED, take_selfies
from hadir.core.errors import PackError
from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.core.vectors import Vectors
from hadir.faces.pack import CHECK_IN_PHOTOS, FacePack, PackInfo, PhotoResult, PhotoRules
from hadir.faces.packs import load_pack
from hadir.index.flat import build_flat_index
from hadir.index.normalisation_choice import NEAREST
from hadir.index.people import EnrolledPerson
from hadir.index.search import SearchResult
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.template_cohorts import TemplateCohorts, template_statistics
from hadir.pipeline.face_stage import FaceStage
from hadir.pipeline.impostor_watch import ImpostorWatch
from hadir.pipeline.ports import FaceJob

__all__ = ["NormalisationSize", "measure"]

Figures = dict[str, float]

RATES = (1e-3, 1e-4)

MOST_SHARE = 0.02
"""Of what looking at a photo costs: normalisation is to be free beside it."""

MOST_WATCH_US = 8.0
"""Measured: 4.5 us (AMD EPYC, two cores, one thread): the bar is against growth, on machines that are not quiet."""


@dataclass(frozen=True, slots=True)
class NormalisationSize:
    """`photos` selfies in batches of `batch`, searched among `people`; each side goes over them `repeats` times."""

    people: int = 13_000
    photos: int = 64
    batch: int = 32
    repeats: int = 16


class _Remembered:
    """A pack that looks at nothing: what remains is the stage's own work."""

    def __init__(self, info: PackInfo, results: dict[bytes, PhotoResult]) -> None:
        self._info = info
        self._results = results

    @property
    def info(self) -> PackInfo:
        return self._info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        del rules
        return [self._results[photo] for photo in photos]


def measure(rounds: int, size: NormalisationSize = NormalisationSize()) -> Report:
    """A photo's models, the stage around them, and what normalisation and the watch add to each answer."""
    pack = load_pack("open")
    say(f"{size.photos} selfies, an index of {size.people:,} people")
    selfies, _ = take_selfies(pack, size.photos)
    photos = [selfie.photo for selfie in selfies]
    results = dict(zip(photos, pack.analyse(photos, CHECK_IN_PHOTOS), strict=True))
    vectors, people = _crowd(pack.info, size.people)
    index = build_flat_index(vectors, people, pack.info.embedding_space)
    cohorts = TemplateCohorts(NEAREST, people, template_statistics(vectors, NEAREST))
    watch = ImpostorWatch(Thresholds(ThresholdTable({}), pack.info.thresholds), RATES, len(people))
    jobs = [FaceJob(n, people[n].person, (photo,)) for n, photo in enumerate(photos)]
    stage = FaceStage(_Remembered(pack.info, results), index, "bench")
    probes = np.stack([found.vector for found in results.values() if found.vector is not None])
    answers = index.search(probes, [job.person for job in jobs[: len(probes)]], pack.info.embedding_space)
    sides: dict[str, Side] = {
        "models": partial(_analyse, pack, photos, size),
        "stage": partial(_process, stage, jobs, size),
        "normalise": partial(_each, cohorts.normalised, answers, size),
        "watch": partial(_each, lambda answer: watch.count(answer, 1), answers, size),
    }
    for run in sides.values():
        run()
    figures = alternate(sides, rounds)
    bars = _compare(figures)
    conditions = {"people": size.people, "batch": size.batch, "photos": size.photos, "threads": 1, "rounds": rounds}
    return Report("normalisation", conditions, figures, bars)


def _crowd(info: PackInfo, count: int) -> tuple[Vectors, list[EnrolledPerson]]:
    """Everyone counts as real: they are what cohorts are made of."""
    if info.statistics is None:
        raise PackError(f"pack {info.name} has no statistics to draw vectors from: measure them (make pack FACES=DIR)")
    vectors, drawn = draw_people(read_statistics(info.statistics, info.precision), count, SEED)
    return vectors, [EnrolledPerson(one.person, photos=1) for one in drawn]


def _process(stage: FaceStage, jobs: Sequence[FaceJob], size: NormalisationSize) -> Figures:
    start_s = time.perf_counter()
    for _ in range(size.repeats):
        for at in range(0, len(jobs), size.batch):
            stage.process(jobs[at : at + size.batch])
    return {"us_per_photo": 1e6 * (time.perf_counter() - start_s) / (len(jobs) * size.repeats)}


def _analyse(pack: FacePack, photos: Sequence[bytes], size: NormalisationSize) -> Figures:
    start_s = time.perf_counter()
    for at in range(0, len(photos), size.batch):
        pack.analyse(photos[at : at + size.batch], CHECK_IN_PHOTOS)
    return {"us_per_photo": 1e6 * (time.perf_counter() - start_s) / len(photos)}


def _each(step: Callable[[SearchResult], object], answers: Sequence[SearchResult], size: NormalisationSize) -> Figures:
    start_s = time.perf_counter()
    for _ in range(size.repeats):
        for answer in answers:
            step(answer)
    return {"us_per_photo": 1e6 * (time.perf_counter() - start_s) / (len(answers) * size.repeats)}


def _compare(figures: dict[str, Spread]) -> list[Bar]:
    figures["normalise_over_models"] = ratio(figures["normalise_us_per_photo"], figures["models_us_per_photo"])
    return [
        Bar("normalise_over_models", "at most", MOST_SHARE),
        Bar("watch_us_per_photo", "at most", MOST_WATCH_US),
    ]


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.normalisation", measure, sys.argv[1:]))
