"""Scores counted on a fixed grid: billions of comparisons in half a megabyte, thresholds read off on the safe side.

A grid of 2^-15 is exact in binary and moves a threshold by at most 3.1e-5, always upwards (fewer strangers pass); the
open pack's thresholds at two rates a factor of ten apart lie 1.3e-2 apart, so a step changes a rate by half a per cent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "BINS",
    "BIN_WIDTH",
    "MOST_SCORES",
    "SHAPE_BINS",
    "Counts",
    "ScoreShape",
    "count_scores",
    "reached",
    "shape_of",
    "similarity_at",
]

Counts = NDArray[np.int64]
"""(BINS,) int64: bin i counts the scores in [-1 + i * BIN_WIDTH, -1 + (i + 1) * BIN_WIDTH)."""

BIN_WIDTH = 2.0**-15
BINS = 2**16 + 1
"""The last bin holds 1 and what rounding puts above it."""

MOST_SCORES = 1 << 21
"""Scores to count in one call: about 26 MB with the temporary arrays."""

SHAPE_BINS = 120
"""As many steps as a plot of a page's width can show."""


def count_scores(scores: NDArray[np.float32]) -> Counts:
    """Count cosines of any shape, float32. Rounding can only lift a score to an edge just above it, never below one."""
    steps = (scores.ravel() + np.float32(1)) * np.float32(1 / BIN_WIDTH)
    places = np.clip(steps, 0, BINS - 1).astype(np.intp)
    return np.bincount(places, minlength=BINS).astype(np.int64, copy=False)


def reached(counts: Counts) -> Counts:
    """How many scores reach each bin's lower edge, (BINS,), descending."""
    return np.cumsum(counts[::-1])[::-1]


def similarity_at(reaching: Counts, rate: float) -> float:
    """The lowest grid similarity that at most `rate` of the counted scores reach (`reaching` from `reached`).

    Above 1 where more than `rate` of the scores are 1: then no similarity means this rate, and nobody passes.
    """
    allowed = int(rate * int(reaching[0]) + 1e-9)
    place = int(np.searchsorted(-reaching, -allowed, side="left"))
    return place * BIN_WIDTH - 1.0


@dataclass(frozen=True, slots=True)
class ScoreShape:
    """A histogram to look at: counts between neighbouring `edges`, one fewer than edges."""

    edges: tuple[float, ...]
    genuine: tuple[int, ...]
    impostor: tuple[int, ...]


def shape_of(genuine: Counts, impostor: Counts, unit: float = 1.0) -> ScoreShape:
    """Both counts over the range in which there are any, at most SHAPE_BINS wide steps; edges are times `unit`."""
    occupied = np.flatnonzero(genuine + impostor)
    first, last = int(occupied[0]), int(occupied[-1]) + 1
    step = -(-(last - first) // SHAPE_BINS)
    starts = np.arange(first, last, step)
    edges = (np.append(starts, starts[-1] + step) * BIN_WIDTH - 1.0) * unit
    coarse = (np.add.reduceat(counts[:last], starts) for counts in (genuine, impostor))
    return ScoreShape(tuple(edges.tolist()), *(tuple(counts.tolist()) for counts in coarse))
