"""Whether an honest comparison passes, as the snapshot in question would judge it while it serves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hadir.app.wiring import Serving
from hadir.core.vectors import Vectors

__all__ = ["HonestJudge"]


class HonestJudge:
    """Single photos against fused templates at one rate, under one snapshot's thresholds; see `honest_trials.Judge`."""

    def __init__(self, served: Serving, fmr: float) -> None:
        self._served = served
        self._fmr = fmr

    def __call__(
        self,
        probes: Vectors,
        templates: Vectors,
        photos: NDArray[np.int64],
        people: list[str],  # noqa: ARG002 - a judge may need to know whom to leave out of a cohort
    ) -> NDArray[np.bool_]:
        cosines = np.einsum("nd,nd->n", probes, templates)
        return np.asarray(cosines >= np.array([self._needed(int(count)) for count in photos]))

    def _needed(self, photos: int) -> float:
        """Nobody passes where nothing supports the rate."""
        cosine = self._served.thresholds.at(self._fmr, 1, photos).similarity
        return np.inf if cosine is None else cosine
