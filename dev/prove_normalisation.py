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
    """One scale, rate and split: FNMR with its 95 % interval (bootstrap over people), and the FMR among the tested.

    `change95` is the interval of FNMR's change against the cosine on the same pairs; (0, 0) for the cosine itself.
    """

    scale: str
    probe_photos: int
    template_photos: int
    rate: str
    genuine: int
    fnmr: float
    fnmr95: tuple[float, float]
    impostors: int
    fmr: float
    change95: tuple[float, float]


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
    """Both maps: person to (photos, D) unit vectors. Rates without a threshold in both scales are left out."""
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
        both = {
            scale: _Scored(scores[own & apart], owners, scores[~own])
            for scale, scores in (("cosine", cosines), ("as-norm", z))
        }
        for scale in both:
            for rate in RATES:
                limits = {name: table.get(rate, f"{p}/{t}") for name, table in tables.items()}
                if owners.size and all(limit is not None for limit in limits.values()):
                    yield _proof(scale, both, {k: v for k, v in limits.items() if v is not None}, rate, (p, t))


def _fused(people: Sequence[Vectors], photos: int) -> _Fused:
    rows = [
        (fuse(vectors[list(kept)]), owner, sum(1 << n for n in kept))
        for owner, vectors in enumerate(people)
        for kept in combinations(range(len(vectors)), photos)
    ]
    vectors, owners, chosen = zip(*rows, strict=True)
    return _Fused(np.stack(vectors), np.array(owners, dtype=np.intp), np.array(chosen, dtype=np.intp))


def _proof(
    scale: str, both: Mapping[str, _Scored], limits: Mapping[str, float], rate: str, split: tuple[int, int]
) -> Proof:
    scored = both[scale]
    missed = {name: one.genuine < limits[name] for name, one in both.items()}
    return Proof(
        scale,
        *split,
        rate,
        genuine=scored.genuine.size,
        fnmr=float(missed[scale].mean()),
        fnmr95=_interval(missed[scale], scored.owners),
        impostors=scored.impostors.size,
        fmr=float((scored.impostors >= limits[scale]).mean()),
        change95=_drawn(missed[scale].astype(np.float64) - missed["cosine"], scored.owners),
    )


def _interval(missed: NDArray[np.bool_], owners: NDArray[np.intp]) -> tuple[float, float]:
    """Where nobody was missed: the upper end of the exact binomial interval over as many people."""
    if not missed.any():
        return 0.0, 1 - 0.025 ** (1 / (int(owners.max()) + 1))
    return _drawn(missed.astype(np.float64), owners)


def _drawn(values: NDArray[np.float64], owners: NDArray[np.intp]) -> tuple[float, float]:
    """The 95 % interval of the mean of `values` where people are drawn with replacement."""
    people = int(owners.max()) + 1
    sums, counts = np.bincount(owners, values, people), np.bincount(owners, minlength=people)
    drawn = np.random.default_rng(SEED).integers(people, size=(DRAWS, people))
    low, high = np.quantile(sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1), (0.025, 0.975))
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
            f"{one.fmr:.2e} of {one.impostors:,})  FNMR {one.fnmr:.2%} ({low:.2%} to {high:.2%}) of {one.genuine:,}, "
            f"change {one.change95[0]:+.2%} to {one.change95[1]:+.2%}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
