"""How score normalisation was tuned: `python -m dev.tune_normalisation FACES/lfw_cohort`, two minutes on one core.

People are dealt to four folds by the SHA-256 of their name. Each fold is tested with the other three as its cohort, so
nobody is in the cohort that normalises them; the genuine and impostor scores of all folds are then pooled. Nothing here
sees any other set of faces: what is chosen is proven elsewhere (`hadir evaluate`, docs/thresholds.md).
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hadir.app.photo_list import list_photos
from hadir.core.vectors import Vectors, fuse
from hadir.faces.pack import ENROLMENT_PHOTOS
from hadir.faces.packs import load_pack

__all__ = ["VARIANTS", "Fold", "Misses", "Scorer", "as_norm_over", "embedded", "fold_of", "folds_of", "misses"]

FOLDS = 4
RATES = (1e-2, 1e-3, 1e-4)
COHORT_SIZES = (300, 500, 1000, 1500, 2000)
SEED = 0
BATCH = 32

Cosines = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Fold:
    """Probes and templates (N, D) of the people tested, whose each is, and a cohort of other people.

    `same_photo` (probes, templates) marks comparisons with a template that holds the probe itself: they do not count.
    """

    probes: Vectors
    templates: Vectors
    probe_owners: NDArray[np.intp]
    template_owners: NDArray[np.intp]
    same_photo: NDArray[np.bool_]
    cohort: Vectors


@dataclass(frozen=True, slots=True)
class Misses:
    """FNMR at RATES over `genuine` pairs; `impostors` gave the thresholds."""

    genuine: int
    impostors: int
    fnmr: tuple[float, ...]


Scorer = Callable[[Cosines, Cosines, Cosines], Cosines]
"""(probes, templates) cosines, and both sides' cosines to the cohort, descending, to scores."""


def as_norm_over(k: int, probe_weight: float = 0.5, sd_power: float = 1.0, shrink: float = 0.0) -> Scorer:
    """AS-norm, and the variants of it that were tried: unequal sides, a softened spread, one drawn to the median."""

    def scored(cosines: Cosines, near_probe: Cosines, near_template: Cosines) -> Cosines:
        sides = []
        for near in (near_probe[:, :k], near_template[:, :k]):
            sd = near.std(axis=1)
            sides.append((near.mean(axis=1), ((1 - shrink) * sd + shrink * np.median(sd)) ** sd_power))
        (mean_p, sd_p), (mean_t, sd_t) = sides
        probe, template = (cosines - mean_p[:, None]) / sd_p[:, None], (cosines - mean_t) / sd_t
        z: Cosines = probe_weight * probe + (1 - probe_weight) * template
        return z

    return scored


def _plain(cosines: Cosines, near_probe: Cosines, near_template: Cosines) -> Cosines:
    del near_probe, near_template
    return cosines


VARIANTS: Mapping[str, Scorer] = {
    "cosine": _plain,
    **{f"K {k}": as_norm_over(k) for k in (10, 20, 40, 50, 60, 80, 100, 150, 300)},
    "K 60, mean alone": as_norm_over(60, sd_power=0.0),
    "K 60, sd^0.75": as_norm_over(60, sd_power=0.75),
    "K 60, sd drawn 0.2 to the median": as_norm_over(60, shrink=0.2),
    "K 60, probe side 0.4": as_norm_over(60, probe_weight=0.4),
    "K 60, probe side 0.6": as_norm_over(60, probe_weight=0.6),
}


def fold_of(person: str) -> int:
    """0 to FOLDS - 1, by the name alone."""
    return int(hashlib.sha256(person.encode()).hexdigest(), 16) % FOLDS


def folds_of(people: Mapping[str, Vectors], photos: int, cohort_size: int | None = None) -> Iterator[Fold]:
    """Single photos against single ones, or against the template of the `photos` others of people with one more."""
    rng = np.random.default_rng(SEED)
    for number in range(FOLDS):
        others = np.stack([fuse(v) for person, v in sorted(people.items()) if fold_of(person) != number])
        tested = [v for person, v in sorted(people.items()) if fold_of(person) == number]
        drawn = others if cohort_size is None else others[rng.permutation(len(others))[:cohort_size]]
        yield replace(_fold(tested, photos), cohort=drawn)


def _fold(tested: Sequence[Vectors], photos: int) -> Fold:
    probes = np.concatenate(tested)
    probe_owners = np.repeat(np.arange(len(tested)), [len(vectors) for vectors in tested])
    templates: list[NDArray[np.float32]] = []
    template_owners: list[int] = []
    held: list[list[int]] = []
    for owner, vectors in enumerate(tested):
        first = int(np.searchsorted(probe_owners, owner))
        for kept in _kept(len(vectors), photos):
            templates.append(fuse(vectors[kept]))
            template_owners.append(owner)
            held.append([first + n for n in kept])
    same = np.zeros((len(probes), len(templates)), dtype=np.bool_)
    for column, rows in enumerate(held):
        same[rows, column] = True
    nobody = np.empty((0, probes.shape[1]), dtype=np.float32)
    return Fold(probes, np.stack(templates), probe_owners, np.array(template_owners, dtype=np.intp), same, nobody)


def _kept(count: int, photos: int) -> list[list[int]]:
    """Which of a person's photos make each of their templates: every single one, or all but one in turn."""
    if photos == 1:
        return [[n] for n in range(count)]
    return [[n for n in range(count) if n != out] for out in range(count)] if count == photos + 1 else []


def misses(folds: Sequence[Fold], scorer: Scorer) -> Misses:
    """Scores of all folds pooled: one threshold for each rate, as in one gallery."""
    genuine, impostors = [], []
    for fold in folds:
        near = [-np.sort(-(side @ fold.cohort.T).astype(np.float64), axis=1) for side in (fold.probes, fold.templates)]
        scores = scorer((fold.probes @ fold.templates.T).astype(np.float64), near[0], near[1])
        own = fold.probe_owners[:, None] == fold.template_owners[None, :]
        genuine.append(scores[own & ~fold.same_photo])
        impostors.append(scores[~own])
    pooled, strangers = np.concatenate(genuine), np.sort(np.concatenate(impostors))[::-1]
    thresholds = [strangers[int(rate * len(strangers))] for rate in RATES]
    return Misses(len(pooled), len(strangers), tuple(float((pooled <= t).mean()) for t in thresholds))


def embedded(folder: Path) -> dict[str, Vectors]:
    """Person to (photos, D), by the open pack's int8 weights, without a quality gate, photos by name."""
    pack, listed = load_pack("open", "int8"), list_photos(folder)
    rules = replace(ENROLMENT_PHOTOS, quality=False)
    found: dict[str, list[NDArray[np.float32]]] = {}
    for start in range(0, len(listed), BATCH):
        chunk = listed[start : start + BATCH]
        for photo, result in zip(chunk, pack.analyse([p.path.read_bytes() for p in chunk], rules), strict=True):
            if result.vector is not None:
                found.setdefault(photo.person, []).append(result.vector)
    return {person: np.stack(vectors) for person, vectors in found.items()}


def _row(name: str, single: Misses, double: Misses) -> str:
    figures = (" / ".join(f"{rate:6.2%}" for rate in found.fnmr) for found in (single, double))
    return f"{name:<34} {'   '.join(figures)}"


def main(arguments: Sequence[str]) -> int:
    """FNMR at 1e-2 / 1e-3 / 1e-4 of every variant, and of K 60 with smaller cohorts."""
    if len(arguments) != 1:
        print("usage: python -m dev.tune_normalisation FACES/lfw_cohort", file=sys.stderr)
        return 2
    people = embedded(Path(arguments[0]))
    print(f"{len(people)} people; one photo against one, and against the two others of people with three")
    folds = [list(folds_of(people, photos)) for photos in (1, 2)]
    for name, scorer in VARIANTS.items():
        print(_row(name, misses(folds[0], scorer), misses(folds[1], scorer)))
    for size in COHORT_SIZES:
        smaller = [list(folds_of(people, photos, size)) for photos in (1, 2)]
        print(_row(f"K 60, cohort {size}", *(misses(one, as_norm_over(60)) for one in smaller)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
