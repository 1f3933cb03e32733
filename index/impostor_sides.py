"""The two sides of impostor comparisons: probes and templates of every size, dealt into groups of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index.faiss_vectors import FlatVectors, flat_vectors
from hadir.index.nearest_people import Nearest, find_nearest

__all__ = ["FOUR_OR_MORE", "GROUPS", "Side", "cohort_of", "probe_side", "template_side"]

GROUPS = 20
FOUR_OR_MORE = 4


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """Probes or templates of one group of people; `owners` (N,) ascending says whose each row is: person number
    `owner` of all, who is in group `owner % GROUPS`. `nearest` where scores are to be normalised."""

    vectors: Vectors
    owners: NDArray[np.int32]
    nearest: Nearest | None = None

    def normalised(self, cohort: FlatVectors, k: int) -> Side:
        """The same with each row's nearest people."""
        return replace(self, nearest=find_nearest(self.vectors, self.owners, cohort, k)) if len(self.owners) else self


def cohort_of(photos: Sequence[Vectors]) -> FlatVectors:
    """What an index of these people holds: everyone's fused template."""
    return flat_vectors(np.stack([fuse(vectors) for vectors in photos]))


def probe_side(photos: Sequence[Vectors], p: int) -> list[Side]:
    """Probes of p photos: disjoint windows of everyone's photos."""
    return _grouped([_windows(vectors, p) for vectors in photos])


def template_side(photos: Sequence[Vectors], k: int) -> list[Side]:
    """Templates of k photos, of all who have as many; 4 stands for all photos of those with four or more."""
    return _grouped([_template(vectors, k) for vectors in photos])


def _windows(photos: Vectors, p: int) -> Vectors:
    count, dimension = len(photos) // p, photos.shape[1]
    if p == 1 or count == 0:
        return photos[:count]
    return normalise(photos[: count * p].reshape(count, p, dimension).mean(axis=1, dtype=np.float64))


def _template(photos: Vectors, k: int) -> Vectors:
    if len(photos) < k:
        return photos[:0]
    return fuse(photos if k == FOUR_OR_MORE else photos[:k])[None, :]


def _grouped(rows: Sequence[Vectors]) -> list[Side]:
    """`rows[i]` are person i's; people are dealt to the groups like cards, so that groups are alike in size."""
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), [len(r) for r in rows])
    sides = []
    for group in range(GROUPS):
        dealt = rows[group::GROUPS]
        vectors = np.concatenate(dealt) if dealt else np.empty((0, 0), dtype=np.float32)
        sides.append(Side(vectors, owners[owners % GROUPS == group]))
    return sides
