"""The exact search in NumPy: small enough to audit, and what every other index must agree with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import Candidate
from hadir.core.thresholds import MOST
from hadir.core.vectors import Vectors, as_unit_vectors
from hadir.index.exact_scores import exact_scores
from hadir.index.people import EnrolledPerson, check_people
from hadir.index.search import OTHERS, SearchResult, checked_probes
from hadir.index.space import require_same_space

__all__ = ["OracleIndex"]


class OracleIndex:
    """One pass over all people for every probe, all of it in float64. For tests and for settling disputes."""

    def __init__(self, vectors: Vectors, people: Sequence[EnrolledPerson], embedding_space: str) -> None:
        check_people(people, len(vectors))
        self._vectors = as_unit_vectors(vectors)
        self._people = people
        self._embedding_space = embedding_space

    @property
    def embedding_space(self) -> str:
        return self._embedding_space

    def __len__(self) -> int:
        return len(self._people)

    def search(
        self, probes: Vectors, claimed: Sequence[str | None], embedding_space: str, cohort: int = 100
    ) -> list[SearchResult]:
        require_same_space("this index", self._embedding_space, embedding_space)
        checked = checked_probes(probes, claimed, self._vectors.shape[1], cohort)
        return [self._answer(probe, person, cohort) for probe, person in zip(checked, claimed, strict=True)]

    def _answer(self, probe: NDArray[np.float32], claimed: str | None, cohort: int) -> SearchResult:
        scores = exact_scores(self._vectors, probe).tolist()
        ranked = sorted(
            (Candidate(p.person, score, p.photos, p.synthetic) for p, score in zip(self._people, scores, strict=True)),
            key=lambda candidate: (-candidate.similarity, candidate.person),
        )
        others = [candidate for candidate in ranked if candidate.person != claimed]
        real = [candidate for candidate in others if not candidate.synthetic][:cohort]
        return SearchResult(
            claimed=next((candidate for candidate in ranked if candidate.person == claimed), None),
            others=tuple(others[:OTHERS]),
            cohort=np.array([c.similarity for c in real], dtype=np.float32),
            cohort_photos=np.array([min(c.photos, MOST) for c in real], dtype=np.uint8),
        )
