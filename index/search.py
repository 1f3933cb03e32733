"""What a face index takes, returns and promises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import Candidate
from hadir.core.vectors import Vectors, as_unit_vectors

__all__ = ["OTHERS", "FaceIndex", "SearchResult", "checked_probes"]

OTHERS = 2
"""As many other people are named as the rule for standing out needs: the best, and the second best to exceed."""


@dataclass(frozen=True, slots=True, eq=False)
class SearchResult:
    """One probe's answer.

    `claimed` is the person asked about, None where that person has no template (or nobody was named). `others` are the
    best people other than the claimed one, at most two, descending. `cohort`, (K,) float32, are the highest cosines to
    real people other than the claimed one, descending, at most as many as asked for; synthetic people are never among
    them. `cohort_photos`, parallel to it, are the photos in their templates (uint8, four for four or more), None where
    an index does not tell.
    """

    claimed: Candidate | None
    others: tuple[Candidate, ...]
    cohort: NDArray[np.float32]
    cohort_photos: NDArray[np.uint8] | None = None


class FaceIndex(Protocol):
    """Exact inner-product search over one fused template per person.

    Scores are cosine similarities, exact to 1e-5. Order: descending score, then person (ascending) among exact
    duplicates. Read-only and safe to share between threads.
    """

    @property
    def embedding_space(self) -> str:
        """The space whose vectors may be searched."""
        ...

    def __len__(self) -> int:
        """People in the index."""
        ...

    def search(
        self, probes: Vectors, claimed: Sequence[str | None], embedding_space: str, cohort: int = 100
    ) -> list[SearchResult]:
        """Answer for every probe, (N, D) float32 unit norm, in order; `claimed` is parallel.

        Raises:
            SpaceMismatch: `embedding_space` is not this index's; the message names both.
            ValueError: shapes or norms are wrong.
        """
        ...


def checked_probes(probes: Vectors, claimed: Sequence[str | None], dimension: int, cohort: int) -> Vectors:
    """The door of every index: what `search` was given, checked once. Raises ValueError as `FaceIndex.search`."""
    if len(claimed) != len(probes):
        raise ValueError(f"{len(claimed)} claimed people for {len(probes)} probes, expected as many")
    if cohort < 0:
        raise ValueError(f"a cohort of {cohort}, expected 0 or more")
    return as_unit_vectors(probes, dimension)
