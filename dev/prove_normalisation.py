"""What score normalisation is worth on people whom nothing was tuned, calibrated or normalised with.

`python -m dev.prove_normalisation FACES/lfw_cohort FACES/lfw_subset`, a minute on one core. The first set of people is
the gallery: its thresholds (by the product's own calibration) and its fused templates as the cohort. The second set is
tested: every way to split a person's photos into a probe and a template, against the gallery's thresholds. The false
match rate that these thresholds give among the tested people stands beside, because a miss rate means nothing alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dev.tune_normalisation import embedded
from hadir.core.thresholds import ThresholdTable
from hadir.core.vectors import Vectors, fuse
from hadir.index.calibration import impostor_tables
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.normalisation_choice import NEAREST

__all__ = ["SPLITS", "Proof", "prove"]

SPLITS = ((1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (3, 1))
RATES = ("1e-2", "1e-3", "1e-4")
DRAWS = 2000
SEED = 0


@dataclass(frozen=True, slots=True)
class Proof:
    """One scale, rate and split: FNMR with its 95 % interval (bootstrap over people), and the FMR among the tested."""

    scale: str
    probe_photos: int
    template_photos: int
    rate: str
    genuine: int
    fnmr: float
    fnmr95: tuple[float, float]
    impostors: int
    fmr: float


@dataclass(frozen=True, slots=True, eq=False)
class _Fused:
    """Every choice of `photos` photos of every person: (N, D), whose, and which as bits."""

    vectors: Vectors
    owners: NDArray[np.intp]
    chosen: NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class _Scored:
    """Scores of one person and whose they are, and scores of two."""

    genuine: NDArray[np.float64]
    owners: NDArray[np.intp]
    impostors: NDArray[np.float64]


def prove(gallery: Mapping[str, Vectors], tested: Mapping[str, Vectors], k: int = NEAREST) -> Iterator[Proof]:
    """Both maps: person to (photos, D) unit vectors. Rates that the gallery does not support are left out."""
    tables = dict(zip(("cosine", "as-norm"), (one.table for one in impostor_tables(gallery, k, RATES)), strict=True))
    cohort = np.stack([fuse(vectors) for vectors in gallery.values()])
    people = [tested[person] for person in sorted(tested)]
    for p, t in SPLITS:
        probes, templates = _fused(people, p), _fused(people, t)
        cosines = (probes.vectors @ templates.vectors.T).astype(np.float64)
        near, far = (cohort_statistics(side.vectors, cohort, k) for side in (probes, templates))
        z = as_norm(cosines, near[:, :1], near[:, 1:], far[None, :, 0], far[None, :, 1])
        own = probes.owners[:, None] == templates.owners[None, :]
        apart = (probes.chosen[:, None] & templates.chosen[None, :]) == 0
        owners = np.broadcast_to(probes.owners[:, None], own.shape)[own & apart]
        for scale, scores in (("cosine", cosines), ("as-norm", z)):
            scored = _Scored(scores[own & apart], owners, scores[~own])
            yield from _proofs(scale, scored, tables[scale], (p, t))


def _fused(people: Sequence[Vectors], photos: int) -> _Fused:
    rows = [
        (fuse(vectors[list(kept)]), owner, sum(1 << n for n in kept))
        for owner, vectors in enumerate(people)
        for kept in combinations(range(len(vectors)), photos)
    ]
    vectors, owners, chosen = zip(*rows, strict=True)
    return _Fused(np.stack(vectors), np.array(owners, dtype=np.intp), np.array(chosen, dtype=np.intp))


def _proofs(scale: str, scored: _Scored, table: ThresholdTable, split: tuple[int, int]) -> Iterator[Proof]:
    for rate in RATES:
        threshold = table.get(rate, f"{split[0]}/{split[1]}")
        if threshold is not None and scored.genuine.size:
            missed = scored.genuine < threshold
            fmr = float((scored.impostors >= threshold).mean())
            fnmr95 = _interval(missed, scored.owners)
            yield Proof(scale, *split, rate, missed.size, float(missed.mean()), fnmr95, scored.impostors.size, fmr)


def _interval(missed: NDArray[np.bool_], owners: NDArray[np.intp]) -> tuple[float, float]:
    """Where nobody was missed: the upper end of the exact binomial interval over as many people."""
    people = int(owners.max()) + 1
    if not missed.any():
        return 0.0, 1 - 0.025 ** (1 / people)
    wrong, all_ = (np.bincount(owners, weights=w, minlength=people) for w in (missed, np.ones(missed.size)))
    drawn = np.random.default_rng(SEED).integers(people, size=(DRAWS, people))
    shares = wrong[drawn].sum(axis=1) / all_[drawn].sum(axis=1)
    low, high = np.quantile(shares, (0.025, 0.975))
    return float(low), float(high)


def main(arguments: Sequence[str]) -> int:
    """A line per scale, split and rate."""
    if len(arguments) != 2:
        print("usage: python -m dev.prove_normalisation GALLERY_FACES TESTED_FACES", file=sys.stderr)
        return 2
    gallery, tested = (embedded(Path(folder)) for folder in arguments)
    if both := sorted(gallery.keys() & tested.keys()):
        print(f"{len(both)} people are in both sets and are left out of the gallery", file=sys.stderr)
    others = {person: vectors for person, vectors in gallery.items() if person not in tested}
    for one in prove(others, tested):
        low, high = one.fnmr95
        print(
            f"{one.scale:<8} {one.probe_photos} against {one.template_photos}  FMR {one.rate} (among the tested "
            f"{one.fmr:.2e} of {one.impostors:,})  FNMR {one.fnmr:.2%} ({low:.2%} to {high:.2%}) of {one.genuine:,}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
