"""When people come: the moments of a morning's check-ins, before anything is sent."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

__all__ = ["CURVES", "MORNING_S", "Curve", "arrival_times", "busiest"]

Curve = Literal["morning", "flat", "step"]
CURVES: tuple[Curve, ...] = get_args(Curve)

MORNING_S = 5400.0
"""A whole morning, 06:30 to 08:00 where work begins at 07:30, the hour of Perpres 21/2023."""

_PIECES: dict[Curve, tuple[tuple[float, float], ...]] = {
    "morning": ((30 / 90, 0.20), (25 / 90, 0.40), (5 / 90, 0.30), (30 / 90, 0.10)),
    "flat": ((1.0, 1.0),),
    "step": ((0.4, 0.4 / 2.8), (0.2, 2.0 / 2.8), (0.4, 0.4 / 2.8)),
}
"""Parts of the time, and the part of the people who come in it."""


def arrival_times(curve: Curve, people: int, seconds: float, seed: int) -> NDArray[np.float64]:
    """Seconds from the start at which `people` check-ins arrive, ascending, all in [0, seconds).

    `morning`: 70 % of everybody within half an hour, and 30 % of everybody in its last five minutes, just before work
    begins; a fifth comes earlier, a tenth late. Over `MORNING_S` and 10,000 people that is 10 a second at the steepest.
    The two shares are the planning figure of a regency's morning; how the others spread is assumed.
    `flat`: evenly. `step`: in the middle fifth of the time ten times as many as before and after.

    How many come in each piece is exact (rounded); within a piece the moments are independent, as a Poisson process of
    that many arrivals has them. The same arguments give the same moments.
    """
    if people < 0 or not seconds > 0:
        raise ValueError(f"{people} people in {seconds} s: expected none or more, in more than no time")
    rng = np.random.default_rng(seed)
    lengths, shares = np.array(_PIECES[curve]).T
    edges = np.concatenate(([0.0], np.cumsum(lengths)))
    counts = np.diff(np.rint(np.concatenate(([0.0], np.cumsum(shares))) * people).astype(int))
    places = [rng.uniform(edges[i], edges[i + 1], count) for i, count in enumerate(counts)]
    at_s: NDArray[np.float64] = np.sort(np.concatenate(places)) / edges[-1] * seconds
    return np.asarray(np.minimum(at_s, np.nextafter(seconds, 0.0)), dtype=np.float64)


def busiest(times_s: NDArray[np.float64], seconds: float) -> NDArray[np.float64]:
    """The arrivals of the stretch of `seconds` in which most come, counted from its start; of equally busy ones the
    first. `times_s` must ascend."""
    if not len(times_s):
        return times_s
    ends = np.searchsorted(times_s, times_s + seconds, side="left")
    first = int(np.argmax(ends - np.arange(len(times_s))))
    found: NDArray[np.float64] = times_s[first : int(ends[first])] - times_s[first]
    return found
