"""Unit-norm float32 vectors: checked once at the door, fused by the L2 mean."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Vectors", "as_unit_vectors", "fuse", "normalise"]

Vectors = NDArray[np.float32]
"""(N, D) float32, C-contiguous, unit norm."""

NORM_TOLERANCE = 2e-4
"""float32 rounding over a few hundred dimensions stays well below this."""


def as_unit_vectors(array: NDArray[np.generic], dimension: int | None = None) -> Vectors:
    """Check once that `array` is (N, D), finite and unit norm; return it as contiguous float32.

    Raises:
        ValueError: wrong shape, a value that is not finite, or a norm off by more than 2e-4; the message names the row.
    """
    if array.ndim != 2:
        raise ValueError(f"vectors have shape {array.shape}, expected (N, D)")
    if dimension is not None and array.shape[1] != dimension:
        raise ValueError(f"vectors have {array.shape[1]} dimensions, expected {dimension}")
    vectors = np.ascontiguousarray(array, dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=1)
    good = np.isfinite(norms) & (np.abs(norms - 1.0) <= NORM_TOLERANCE)
    if not good.all():
        row = int(np.argmin(good))
        raise ValueError(f"vector {row} has norm {norms[row]:.6f}, expected 1 ± {NORM_TOLERANCE}")
    return vectors


def normalise(array: NDArray[np.generic]) -> Vectors:
    """Scale every row of (N, D) to unit norm. Raises ValueError on a zero or non-finite row: it has no direction."""
    vectors = np.ascontiguousarray(array, dtype=np.float32)
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not (np.isfinite(norms).all() and (norms > 0).all()):
        raise ValueError("a vector is zero or not finite and cannot be normalised")
    return np.asarray(vectors / norms, dtype=np.float32)


def fuse(vectors: Vectors) -> NDArray[np.float32]:
    """The L2-normalised mean of (N, D) unit vectors, N >= 1: one template or probe, (D,) float32.

    One vector is its own mean.
    """
    if len(vectors) == 1:
        only: NDArray[np.float32] = vectors[0]
        return only
    fused: NDArray[np.float32] = normalise(vectors.mean(axis=0, dtype=np.float64)[None, :])[0]
    return fused
