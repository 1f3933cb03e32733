"""How sure a false non-match rate is: a bootstrap over people.

Comparisons that share a person are not independent, so not comparisons but people are drawn, with replacement, and a
comparison counts with the product of how often its two people were drawn; one of a person with themselves, as often as
the person was drawn (the subsets bootstrap: Bolle, Ratha and Pankanti, Computer Vision and Image Understanding 93,
2004). Every draw finds its own threshold first, so that the interval holds the uncertainty of both sides.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.index.comparisons import Comparisons, Owners
from hadir.index.scores import Scored, Tail

__all__ = ["DRAWS", "TAIL_SHARE", "fnmr_intervals"]

DRAWS = 400
TAIL_SHARE = 2.0
"""The tail must hold this multiple of the loosest rate: a draw may need a lower threshold than the whole."""


@dataclass(frozen=True, slots=True, eq=False)
class _Sorted:
    """Impostors by descending score, genuine comparisons by ascending score."""

    tail: Tail
    genuine: NDArray[np.float32]
    owners: Owners


def fnmr_intervals(
    compared: Comparisons, scored: Scored, tail: Tail, rates: Sequence[float], seed: int
) -> list[tuple[float, float]]:
    """95 % percentile intervals of the FNMR at each false match rate, in the order of `rates`.

    A draw whose threshold would lie below the tail uses the tail's end. The same seed gives the same intervals.
    """
    down, up = np.argsort(-tail.scores, kind="stable"), np.argsort(scored.genuine, kind="stable")
    ordered = _Sorted(
        tail.take(down),
        scored.genuine[up],
        scored.genuine_owners[up],
    )
    rng = np.random.default_rng(seed)
    people = len(compared.probe_counts)
    draws = [_fnmr(compared, ordered, rates, _drawn(rng, people)) for _ in range(DRAWS)]
    rows = np.array([draw for draw in draws if draw is not None]).reshape(-1, len(rates))
    if len(rows) == 0:
        return [(0.0, 1.0)] * len(rates)
    low, high = np.percentile(rows, [2.5, 97.5], axis=0)
    return [_with_unseen(compared, *ends) for ends in zip(low.tolist(), high.tolist(), strict=True)]


def _drawn(rng: np.random.Generator, people: int) -> NDArray[np.float64]:
    return np.bincount(rng.integers(people, size=people), minlength=people).astype(np.float64)


def _fnmr(
    compared: Comparisons, ordered: _Sorted, rates: Sequence[float], drawn: NDArray[np.float64]
) -> list[float] | None:
    """One draw's rates; None where it holds no genuine or no impostor comparison."""
    impostors = compared.impostor_weight(drawn)
    genuine = np.cumsum(drawn[ordered.owners])
    if impostors <= 0 or genuine[-1] <= 0:
        return None
    tail = ordered.tail
    passing = np.cumsum(drawn[tail.probe_owners] * drawn[tail.template_owners])
    found = []
    for rate in rates:
        first_refused = min(int(np.searchsorted(passing, rate * impostors, side="right")), len(passing) - 1)
        refused = int(np.searchsorted(ordered.genuine, tail.scores[first_refused], side="right"))
        found.append(float(genuine[refused - 1] / genuine[-1]) if refused else 0.0)
    return found


def _with_unseen(compared: Comparisons, low: float, high: float) -> tuple[float, float]:
    """A bootstrap cannot draw a failure that was not seen: then the exact binomial bound over people is the end."""
    people = int(((compared.probe_counts > 0) & (compared.template_counts > 0)).sum())
    return (low, high) if high > 0 else (low, 1 - 0.025 ** (1 / people))
