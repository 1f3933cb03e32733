"""Photos of people drawn at random, for error rates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hadir.core.vectors import Vectors, normalise

__all__ = ["photos_of"]


def photos_of(sizes: Sequence[int], spread: float = 0.5, seed: int = 0) -> tuple[Vectors, list[str]]:
    """`sizes[n]` photos of person number n: unit vectors in 16 dimensions, and whose each is."""
    rng = np.random.default_rng(seed)
    rows = [normalise(1 + rng.normal(size=16) + spread * rng.normal(size=(size, 16))) for size in sizes]
    return np.concatenate(rows), [f"p{n:03d}" for n, size in enumerate(sizes) for _ in range(size)]
