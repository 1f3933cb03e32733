"""How sure a rate at a fixed threshold is: people are drawn with replacement, never comparisons.

The subsets bootstrap of `fnmr_bootstrap`, where the threshold is given and so is not drawn anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hadir.index.calibration import Interval

__all__ = ["DRAWS", "Drawn", "bound_where_none_seen", "draw_people", "interval_of", "share_of_people"]

DRAWS = 400

Drawn = NDArray[np.float64]
"""(people,) how often each person was drawn."""


def draw_people(people: int, seed: int) -> list[Drawn]:
    """DRAWS times as many people as there are; the same seed gives the same draws."""
    rng = np.random.default_rng(seed)
    return [np.bincount(rng.integers(people, size=people), minlength=people).astype(np.float64) for _ in range(DRAWS)]


def interval_of(draws: list[Drawn], rate: Callable[[Drawn], float]) -> Interval | None:
    """The 95 % percentile interval of what `rate` makes of each draw; draws that it gives NaN for are left out.

    None where it gives NaN for every draw.
    """
    values = np.array([value for value in map(rate, draws) if not math.isnan(value)])
    if len(values) == 0:
        return None
    low, high = np.quantile(values, [0.025, 0.975], method="higher" if np.isinf(values).any() else "linear")
    return float(low), float(high)


def share_of_people(wrong: NDArray[np.bool_], owners: NDArray[np.integer]) -> Callable[[Drawn], float]:
    """The rate of `wrong` (N,) among comparisons of people `owners` (N,), each as often as its person was drawn."""
    people = int(owners.max(initial=-1)) + 1
    all_of = np.bincount(owners, minlength=people).astype(np.float64)
    wrong_of = np.bincount(owners[wrong], minlength=people).astype(np.float64)

    def rate(drawn: Drawn) -> float:
        among = float(drawn[:people] @ all_of)
        return float(drawn[:people] @ wrong_of) / among if among else math.nan

    return rate


def bound_where_none_seen(interval: Interval | None, people: int) -> Interval | None:
    """A bootstrap cannot draw what was not seen: then the exact binomial bound over people is the upper end."""
    if interval is None or people == 0 or interval[1] > 0:
        return interval
    return interval[0], 1 - 0.025 ** (1 / people)
