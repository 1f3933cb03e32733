"""How close every enrolled template comes to other people anyway: the half of score normalisation that can be computed
when a snapshot is built. The other half comes from the search that every probe goes through.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import Candidate
from hadir.core.vectors import Vectors
from hadir.index.normalisation import as_norm_of_one, cohort_statistics
from hadir.index.people import EnrolledPerson
from hadir.index.search import SearchResult

__all__ = ["Statistics", "TemplateCohorts", "pack_statistics", "template_statistics", "unpack_statistics"]

Statistics = NDArray[np.float32]
"""(people, 2) float32: mean and standard deviation of a template's highest cosines to other people; NaN where they
cannot be told. Rows as the people of a snapshot, the real ones alone."""


def template_statistics(fused: Vectors, k: int) -> Statistics:
    """Of (people, D) fused templates against each other. Two seconds for 13,000 people on one core."""
    return cohort_statistics(fused, fused, k, own=np.arange(len(fused)))


def pack_statistics(statistics: Statistics) -> bytes:
    """The content of a file in NumPy's own format; deterministic."""
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, np.ascontiguousarray(statistics, dtype="<f4"), version=(1, 0))
    return buffer.getvalue()


def unpack_statistics(content: bytes) -> Statistics:
    """Read back. Raises ValueError where these are no such statistics."""
    try:
        read = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (EOFError, OSError) as err:
        raise ValueError("it is not an array of NumPy") from err
    if read.dtype != np.dtype("<f4") or read.ndim != 2 or read.shape[1] != 2:
        raise ValueError(f"it holds {read.dtype} of shape {read.shape}, expected float32 of (people, 2)")
    return np.asarray(read, dtype=np.float32)


class TemplateCohorts:
    """Turns the cosines of a search into z. Read-only; safe to share between threads."""

    def __init__(self, k: int, people: Sequence[EnrolledPerson], statistics: Statistics) -> None:
        """`people` are the real ones of an index, parallel to `statistics`, which rest on the `k` nearest. Raises
        ValueError where they are not parallel."""
        if len(people) != len(statistics):
            raise ValueError(f"{len(statistics)} rows of cohort statistics for {len(people)} people")
        self.k = k
        self._rows = {person.person: row for row, person in enumerate(people)}
        self._statistics = statistics

    def __len__(self) -> int:
        return len(self._statistics)

    def normalised(self, answer: SearchResult) -> SearchResult:
        """The same answer, its candidates with their z where one can be told.

        A comparison's statistics leave out the person compared with: the search has done so for the claimed person;
        another one is among the probe's own nearest, in the place that their rank gives them.
        """
        cohort = answer.cohort[: self.k + 1].astype(np.float64)
        if len(cohort) <= self.k:
            return answer
        nearest = _Nearest(cohort.tolist(), float(cohort.sum()), float(cohort @ cohort))
        claimed = None if answer.claimed is None else self._scored(answer.claimed, nearest, self.k)
        others, rank = [], 0
        for other in answer.others:
            others.append(self._scored(other, nearest, rank))
            rank += not other.synthetic
        return replace(answer, claimed=claimed, others=tuple(others))

    def _scored(self, other: Candidate, nearest: _Nearest, left_out: int) -> Candidate:
        row = self._rows.get(other.person)
        if row is None or other.synthetic:
            return other
        template_mean, template_sd = self._statistics[row].tolist()
        mean, sd = nearest.without(left_out)
        z = as_norm_of_one(other.similarity, mean, sd, template_mean, template_sd)
        return Candidate(other.person, other.similarity, other.photos, other.synthetic, z)


@dataclass(frozen=True, slots=True)
class _Nearest:
    """A probe's k + 1 highest cosines to other people, descending, their sum and the sum of their squares."""

    cosines: list[float]
    total: float
    squares: float

    def without(self, place: int) -> tuple[float, float]:
        """Mean and standard deviation of the k others, float64 throughout, as `mean_and_sd`."""
        k, left_out = len(self.cosines) - 1, self.cosines[place]
        mean = (self.total - left_out) / k
        return mean, sqrt(max(0.0, (self.squares - left_out * left_out) / k - mean * mean))
