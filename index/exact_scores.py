"""Cosines that do not depend on where a row lies: identical rows get identical scores, so ties can be told and ordered.

A matrix product may round the same row differently at the edge of a block; a product and a pairwise sum per row, in
float64, cannot.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors

__all__ = ["exact_scores"]


def exact_scores(rows: Vectors, probe: NDArray[np.float32]) -> NDArray[np.float64]:
    """Inner products of `rows` (..., D) with `probe`, (D,) or broadcastable to `rows`: (...) float64."""
    scores: NDArray[np.float64] = np.multiply(rows, probe, dtype=np.float64).sum(axis=-1)
    return scores
