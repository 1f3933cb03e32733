"""People who are not real: vectors that lie where real ones lie, marked so, to fill a gallery to the size of a city.

They make a search as long and as crowded as with real people. They can never be enrolled, accused or counted: the flag
travels with them into the snapshot and every candidate, and calibration, cohort and accuracy figures leave them out.

They are drawn from a normal distribution with the mean and covariance of real vectors of single photos and laid back
onto the sphere, so a drawn template counts as one photo. Measured with the open pack (int8) on 2,828 people of LFW:
the cosines of different people at the 50, 90, 99, 99.9 and 99.99 % quantiles are .844, .885, .913, .930, .943 for real
people and .848, .886, .910, .925, .935 for drawn ones. They crowd a search as real people do, but look-alikes are a
little rarer among them.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.npyio import NpzFile
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.core.vectors import Vectors, normalise
from hadir.index.people import EnrolledPerson

__all__ = ["Statistics", "draw_people", "read_statistics"]

MOST_STATISTICS_BYTES = 64 << 20
SMALLEST_EIGENVALUE = -1e-9
"""Rounding may push a covariance's zero eigenvalues this far below zero; more is no covariance."""


@dataclass(frozen=True, slots=True, eq=False)
class Statistics:
    """Mean (D,) and covariance (D, D) of real unit vectors of single photos, float64."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


def read_statistics(path: Path, precision: str) -> Statistics:
    """A pack's statistics for one of its precisions.

    Raises:
        PackError: the file is missing, is no such archive, or lacks this precision.
    """
    try:
        if path.stat().st_size > MOST_STATISTICS_BYTES:
            raise PackError(f"{path} has more than {MOST_STATISTICS_BYTES} bytes: it is not a pack's statistics")
        with path.open("rb") as file, NpzFile(file, allow_pickle=False) as archive:
            mean = np.asarray(archive[f"mean_{precision}"], dtype=np.float64)
            covariance = np.asarray(archive[f"covariance_{precision}"], dtype=np.float64)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as err:
        raise PackError(
            f"{path} holds no mean_{precision} and covariance_{precision}: measure the pack's statistics first"
        ) from err
    if mean.ndim != 1 or covariance.shape != (len(mean), len(mean)):
        raise PackError(
            f"{path} holds a mean {mean.shape} and a covariance {covariance.shape}, expected (D,) and (D, D)"
        )
    if not (np.isfinite(mean).all() and np.isfinite(covariance).all()):
        raise PackError(f"{path} holds values that are not finite: measure the pack's statistics anew")
    return Statistics(mean, covariance)


def draw_people(statistics: Statistics, count: int, seed: int) -> tuple[Vectors, list[EnrolledPerson]]:
    """`count` people and their (count, D) vectors; the same seed gives the same people.

    Raises:
        PackError: the covariance is not one (not symmetric and positive semidefinite).
    """
    covariance = statistics.covariance
    values, axes = np.linalg.eigh(covariance)
    if not np.allclose(covariance, covariance.T) or values[0] < SMALLEST_EIGENVALUE:
        raise PackError("a pack's covariance is not symmetric and positive semidefinite: measure its statistics anew")
    normal = np.random.default_rng(seed).standard_normal((count, len(values)))
    drawn = statistics.mean + normal * np.sqrt(np.maximum(values, 0)) @ axes.T
    people = [EnrolledPerson(f"synthetic-{number:06d}", photos=1, synthetic=True) for number in range(count)]
    return normalise(drawn) if count else drawn.astype(np.float32), people
