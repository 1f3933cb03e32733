"""Whether an honest comparison passes, as the snapshot in question would judge it while it serves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.app.wiring import Serving
from hadir.core.evidence import Scale
from hadir.core.vectors import Vectors
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.template_cohorts import TemplateCohorts

__all__ = ["HonestJudge"]


@dataclass(frozen=True, slots=True)
class HonestJudge:
    """Single photos against fused templates at the rate `fmr`, under one snapshot's thresholds; see
    `honest_trials.Judge`. Scores are normalised where the snapshot normalises them."""

    served: Serving
    fmr: float

    def __call__(
        self, probes: Vectors, templates: Vectors, photos: NDArray[np.int64], people: list[str]
    ) -> NDArray[np.bool_]:
        cosines = np.einsum("nd,nd->n", probes, templates)
        passes = cosines >= self._needed(photos, "cosine")
        if (cohorts := self.served.snapshot.cohorts) is not None:
            z = self._normalised(cosines, probes, templates, people, cohorts)
            needed = self._needed(photos, "as-norm")
            passes = np.where(np.isfinite(z) & np.isfinite(needed), z >= needed, passes)
        return np.asarray(passes)

    def _normalised(
        self,
        cosines: NDArray[np.float32],
        probes: Vectors,
        templates: Vectors,
        people: list[str],
        cohorts: TemplateCohorts,
    ) -> NDArray[np.float64]:
        """As served, but for the templates: they lack the photo in question, so their statistics are told anew."""
        index = self.served.snapshot.index
        enrolled = [one.person for one in index.people if not one.synthetic]
        cohort = np.stack([index.vector(person) for person in enrolled])
        rows = {person: row for row, person in enumerate(enrolled)}
        own = np.array([rows.get(person, -1) for person in people])
        sides = [cohort_statistics(vectors, cohort, cohorts.k, own) for vectors in (probes, templates)]
        return as_norm(cosines, sides[0][:, 0], sides[0][:, 1], sides[1][:, 0], sides[1][:, 1])

    def _needed(self, photos: NDArray[np.int64], scale: Scale) -> NDArray[np.float64]:
        """Infinite, so that nobody passes, where nothing supports the rate."""
        found = {int(k): self.served.thresholds.at(self.fmr, 1, int(k), scale).similarity for k in np.unique(photos)}
        return np.array([np.inf if (t := found[int(k)]) is None else t for k in photos])
