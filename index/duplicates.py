"""The same face under two ids: every enrolled person against every other one, by their fused templates.

No threshold can tell a duplicate from a twin, and among n people there are n²/2 pairs, so that even a strict rate finds
strangers: with 13,000 people 84 pairs at a false match rate of 1e-6. What is found is a list to look at, best first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.thresholds import MOST
from hadir.core.vectors import Vectors, fuse

__all__ = ["ClosePair", "ClosePairs", "find_close_pairs"]

_ROWS = 1024
"""Of one block: 53 MB of scores at 13,000 people."""


@dataclass(frozen=True, slots=True)
class ClosePair:
    """Two people, `one` < `other`, and their cosine similarity."""

    one: str
    other: str
    similarity: float


@dataclass(frozen=True, slots=True)
class ClosePairs:
    """The closest first, at most as many as were asked for, of `found`; `compared` pairs were looked at."""

    pairs: tuple[ClosePair, ...]
    found: int
    compared: int


def find_close_pairs(people: Mapping[str, Vectors], floors: NDArray[np.float32], most: int) -> ClosePairs:
    """Every pair whose similarity reaches the floor of its number of photos.

    Args:
        people: Person to (photos, D) unit vectors.
        floors: (4, 4): row and column are the numbers of photos of both, 1 to "4 or more"; symmetric.
        most: Keep as many.

    Takes about two seconds of one core for 13,000 people of 128 dimensions, and 60 MB.
    """
    names = sorted(people)
    if len(names) < 2:
        return ClosePairs((), 0, 0)
    vectors = np.stack([fuse(people[name]) for name in names])
    sizes = np.array([min(len(people[name]), MOST) - 1 for name in names])
    found: list[tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]] = []
    for start in range(0, len(names), _ROWS):
        rows, columns, scores = _reaching(vectors, sizes, floors, start)
        found.append((rows, columns, scores))
    one, other, similarity = (np.concatenate(parts) for parts in zip(*found, strict=True))
    best = np.lexsort((other, one, -similarity))[:most]
    pairs = tuple(ClosePair(names[one[n]], names[other[n]], float(similarity[n])) for n in best)
    return ClosePairs(pairs, len(similarity), len(names) * (len(names) - 1) // 2)


def _reaching(
    vectors: Vectors, sizes: NDArray[np.intp], floors: NDArray[np.float32], start: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Pairs of one block of rows with everybody after them."""
    scores = vectors[start : start + _ROWS] @ vectors[start:].T
    rows, columns = np.nonzero(scores >= floors.min())
    rows, columns = rows[columns > rows], columns[columns > rows]
    reached = scores[rows, columns]
    keep = reached >= floors[sizes[start + rows], sizes[start + columns]]
    return start + rows[keep], start + columns[keep], reached[keep]
