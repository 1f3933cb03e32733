"""Is a rate still what it says? Every live probe is compared with everybody; nearly all of them are strangers to it.

How many of those whom nobody claimed reach a rate's threshold, over how many were compared, is the false match rate as
it is today: with these cameras, this light, these people. It is read off the top of the cohort that the search returns
anyway, and so is exact while fewer reach the threshold than the cohort holds. Cosines are counted, also where verdicts
use normalised scores: what drifts (a camera, the light, another crowd) shows in them first.

A cheat's own template counts as a stranger's here, and an honest twin does too: watch the ratio over days, not one hit.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import ImpostorCount
from hadir.core.thresholds import MOST, Thresholds, rate_key
from hadir.index.search import SearchResult

__all__ = ["ImpostorWatch"]


class ImpostorWatch:
    """Counts for one snapshot: 3 us a probe. Read-only; safe to share between threads."""

    def __init__(self, thresholds: Thresholds, rates: Sequence[float], people: int) -> None:
        """Watch `rates` over `people` real people; a rate that nothing supports is left out.

        Raises:
            CalibrationError: a rate is not one that tables hold.
        """
        supported = [rate for rate in rates if thresholds.at(rate, 1, 1).similarity is not None]
        self._rates = [rate_key(rate) for rate in supported]
        self._people = people
        self._limits = np.array(
            [[_by_photos(thresholds, rate, p) for rate in supported] for p in range(1, MOST + 1)], dtype=np.float32
        )

    def count(self, answer: SearchResult, probe_photos: int) -> ImpostorCount | None:
        """Of one search; None where nobody is watched, or the index does not say whose photos the cohort is made of."""
        claimed = answer.claimed is not None and not answer.claimed.synthetic
        compared = self._people - claimed
        if answer.cohort_photos is None or not self._rates or compared < 1:
            return None
        limits = self._limits[min(probe_photos, MOST) - 1].take(answer.cohort_photos, axis=1)
        reached = np.count_nonzero(answer.cohort >= limits, axis=1)
        return ImpostorCount(compared, dict(zip(self._rates, reached.tolist(), strict=True)))


def _by_photos(thresholds: Thresholds, rate: float, probe_photos: int) -> NDArray[np.float64]:
    """The similarity that templates of 0 (there are none), 1, ... MOST photos must reach."""
    values = [thresholds.at(rate, probe_photos, k).similarity for k in range(1, MOST + 1)]
    return np.array([np.inf, *(np.inf if value is None else value for value in values)])
