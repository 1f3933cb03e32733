"""Who comes closest to each vector, and what score normalisation then makes of its cosines, with and without each.

A comparison of A's probe with B's template is normalised by statistics over other people, so neither A nor B may be
among them. Taking A out is one search; taking B out, who is among the nearest exactly where the comparison matters
most, is done here for all of them at once: the k statistics without each of the k nearest.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors
from hadir.index.faiss_vectors import FlatVectors
from hadir.index.normalisation import SMALLEST_SD, mean_and_sd

__all__ = ["Nearest", "find_nearest"]

_ROWS_AT_ONCE = 4096


@dataclass(frozen=True, slots=True, eq=False)
class Nearest:
    """Of N vectors. A cosine s becomes `s * scale - shift`, which is the vector's half of z.

    `scale` and `shift` (N,) rest on the k nearest people; `people` (N, k) int32 says who they are; `scale_without` and
    `shift_without` (N, k) rest on the k nearest without that one. float32; NaN where the nearest have no spread.
    """

    scale: NDArray[np.float32]
    shift: NDArray[np.float32]
    people: NDArray[np.int32]
    scale_without: NDArray[np.float32]
    shift_without: NDArray[np.float32]

    def of(self, rows: NDArray[np.intp]) -> Nearest:
        """Only these rows."""
        return Nearest(
            self.scale[rows],
            self.shift[rows],
            self.people[rows],
            self.scale_without[rows],
            self.shift_without[rows],
        )


def find_nearest(vectors: Vectors, owners: NDArray[np.int32], cohort: FlatVectors, k: int) -> Nearest:
    """The k nearest people of every vector (N, D); vector n is person `owners[n]`'s, whose row in `cohort` that is.

    Raises:
        ValueError: fewer than k + 2 people: without two of them, k would not be left.
    """
    people = len(cohort.matrix)
    if people < k + 2:
        raise ValueError(f"{people} people in the cohort, expected {k + 2} or more for statistics over {k}")
    parts = [
        _nearest(vectors[start : start + _ROWS_AT_ONCE], owners[start : start + _ROWS_AT_ONCE], cohort, k)
        for start in range(0, max(1, len(vectors)), _ROWS_AT_ONCE)
    ]
    return Nearest(*(np.concatenate([getattr(part, name) for part in parts]) for name in Nearest.__slots__))


def _nearest(vectors: Vectors, owners: NDArray[np.int32], cohort: FlatVectors, k: int) -> Nearest:
    scores, found = cohort.best(vectors, k + 2)
    own = found == owners[:, None]
    # Where the person is not among the nearest, the farthest goes instead: k + 1 others are left for everybody.
    own[:, -1] |= ~own.any(axis=1)
    others = scores[~own].reshape(-1, k + 1).astype(np.float64)
    scale, shift = _line(*mean_and_sd(others[:, :k]))
    return Nearest(
        scale,
        shift,
        found[~own].reshape(-1, k + 1)[:, :k].astype(np.int32),
        *_line(*_without_each(others)),
    )


def _without_each(others: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and spread of (N, k + 1) cosines without the first, the second, ... the k-th: (N, k) each."""
    k = others.shape[1] - 1
    mean = (others.sum(axis=1, keepdims=True) - others[:, :k]) / k
    square = (np.square(others).sum(axis=1, keepdims=True) - np.square(others[:, :k])) / k
    return mean, np.sqrt(np.maximum(0.0, square - np.square(mean)))


def _line(mean: NDArray[np.float64], sd: NDArray[np.float64]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    scale = 0.5 / np.where(sd >= SMALLEST_SD, sd, np.nan)
    return scale.astype(np.float32), (mean * scale).astype(np.float32)
