"""Exact search over one fused vector per person: FAISS finds the few best, float64 puts them in order.

Flat, because 13,000 people are few: a full scan is exact, needs no training and costs .06 ms a probe at batch 32 (128
dimensions, cohort of 100, one thread), while a graph index takes seconds to build and is no faster in batches.

FAISS answers in float32 and in no promised order among equals. The few best are therefore scored again, row by row in
float64; where more people than that are as good as equal, the probe is scanned anew in full.

Synthetic people lie in a second index of their own, so that they are found but never crowd real people out of a cohort.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import Candidate
from hadir.core.thresholds import MOST
from hadir.core.vectors import Vectors
from hadir.index.exact_scores import exact_scores
from hadir.index.faiss_vectors import FlatVectors, flat_vectors
from hadir.index.people import EnrolledPerson, check_people
from hadir.index.search import OTHERS, SearchResult, checked_probes
from hadir.index.space import require_same_space

__all__ = ["FlatIndex", "build_flat_index"]

WINDOW = 8
"""Rows scored again per probe: two others, the claimed person, and room to see that the rest are worse."""

FLOAT32_ERROR = 4e-6
"""FAISS cosines in float32 strayed from float64 by 6.5e-7 at most (128 to 1,024 dimensions); six times that."""


def build_flat_index(vectors: Vectors, people: Sequence[EnrolledPerson], embedding_space: str) -> FlatIndex:
    """An index in memory. `people` are parallel to the (N, D) vectors, in any order."""
    check_people(people, len(vectors))
    order = sorted(range(len(people)), key=lambda row: (people[row].synthetic, people[row].person))
    real = sum(not p.synthetic for p in people)
    return FlatIndex(
        flat_vectors(vectors[order[:real]]),
        flat_vectors(vectors[order[real:]]),
        [people[row] for row in order],
        embedding_space,
    )


@dataclass(frozen=True, slots=True)
class _Window:
    """The best few rows of one part for one probe: (score, row); no row outside scores more than `rest`."""

    best: list[tuple[float, int]]
    rest: float


class FlatIndex:
    """`people` name the rows of `real` and then those of `synthetic`."""

    def __init__(
        self, real: FlatVectors, synthetic: FlatVectors, people: Sequence[EnrolledPerson], embedding_space: str
    ) -> None:
        check_people(people, len(real.matrix) + len(synthetic.matrix))
        self._real = real
        self._synthetic = synthetic
        self._people = tuple(people)
        self._rows = {p.person: row for row, p in enumerate(people)}
        self._embedding_space = embedding_space
        self._photos = np.array([min(p.photos, MOST) for p in people[: len(real.matrix)]], dtype=np.uint8)

    @property
    def embedding_space(self) -> str:
        return self._embedding_space

    def __len__(self) -> int:
        return len(self._people)

    @property
    def people(self) -> Sequence[EnrolledPerson]:
        """Everyone, real people first, ascending within each kind where a builder of this room made it."""
        return self._people

    def vector(self, person: str) -> NDArray[np.float32]:
        """The person's fused template, (D,), read-only. Raises KeyError where there is none."""
        return self._vector(self._rows[person])

    def search(
        self, probes: Vectors, claimed: Sequence[str | None], embedding_space: str, cohort: int = 100
    ) -> list[SearchResult]:
        require_same_space("this index", self._embedding_space, embedding_space)
        probes = checked_probes(probes, claimed, self._real.matrix.shape[1], cohort)
        rows = [None if person is None else self._rows.get(person) for person in claimed]
        scores, found = self._real.best(probes, max(cohort + 1, WINDOW))
        windows = [_windows(self._real, probes, scores, found, first_row=0)]
        if len(self._synthetic.matrix):
            more = self._synthetic.best(probes, WINDOW)
            windows.append(_windows(self._synthetic, probes, *more, first_row=len(self._real.matrix)))
        cohorts = _without_claimed(scores, self._photos[found], _places(found, rows), cohort)
        return [
            SearchResult(
                claimed=None if row is None else self._scored(row, float(exact_scores(self._vector(row), probe))),
                others=self._others(probe, row, [window[n] for window in windows]),
                cohort=cohorts[n][0],
                cohort_photos=cohorts[n][1],
            )
            for n, (row, probe) in enumerate(zip(rows, probes, strict=True))
        ]

    def _vector(self, row: int) -> NDArray[np.float32]:
        real = self._real.matrix
        vector: NDArray[np.float32] = real[row] if row < len(real) else self._synthetic.matrix[row - len(real)]
        return vector

    def _scored(self, row: int, score: float) -> Candidate:
        person = self._people[row]
        return Candidate(person.person, score, person.photos, person.synthetic)

    def _others(
        self, probe: NDArray[np.float32], claimed: int | None, windows: Sequence[_Window]
    ) -> tuple[Candidate, ...]:
        ranked = self._ranked((pair for window in windows for pair in window.best), claimed)
        if ranked and ranked[-1][0] <= max(window.rest for window in windows):
            ranked = self._ranked(self._scanned(probe), claimed)
        return tuple([self._scored(row, score) for score, row in ranked])

    def _ranked(self, pairs: Iterable[tuple[float, int]], claimed: int | None) -> list[tuple[float, int]]:
        people = self._people
        others = [pair for pair in pairs if pair[1] != claimed]
        return sorted(others, key=lambda pair: (-pair[0], people[pair[1]].person))[:OTHERS]

    def _scanned(self, probe: NDArray[np.float32]) -> Iterator[tuple[float, int]]:
        """Every row that may be among the best others, whoever is claimed, scored in float64."""
        scores = np.concatenate([exact_scores(part.matrix, probe) for part in (self._real, self._synthetic)])
        least = np.partition(scores, -(OTHERS + 1))[-(OTHERS + 1)]
        for row in np.flatnonzero(scores >= least):
            yield float(scores[row]), int(row)


def _windows(
    part: FlatVectors, probes: Vectors, scores: NDArray[np.float32], found: NDArray[np.int64], first_row: int
) -> list[_Window]:
    size = min(WINDOW, found.shape[1])
    rows = found[:, :size]
    exact = exact_scores(part.matrix[rows], probes[:, None, :]).tolist()
    whole = size == len(part.matrix)
    rests = [-np.inf] * len(probes) if whole else (scores[:, size - 1] + FLOAT32_ERROR).tolist()
    places = (rows + first_row).tolist()
    return [_Window(list(zip(exact[n], places[n], strict=True)), rest) for n, rest in enumerate(rests)]


def _places(found: NDArray[np.int64], claimed: Sequence[int | None]) -> list[int]:
    """Where the claimed person stands among the rows found for each probe, -1 where they do not."""
    own = found == np.array([-1 if row is None else row for row in claimed], dtype=np.int64)[:, None]
    places: list[int] = np.where(own.any(axis=1), own.argmax(axis=1), -1).tolist() if own.size else [-1] * len(claimed)
    return places


def _without_claimed(
    scores: NDArray[np.float32], photos: NDArray[np.uint8], places: Sequence[int], cohort: int
) -> list[tuple[NDArray[np.float32], NDArray[np.uint8]]]:
    """The `cohort` best of each probe, and how many photos each was fused from."""
    cohorts = []
    for row, counts, place in zip(scores, photos, places, strict=True):
        if place < 0:
            cohorts.append((row[:cohort], counts[:cohort]))
        else:
            others = [np.concatenate([one[:place], one[place + 1 :]])[:cohort] for one in (row, counts)]
            cohorts.append((others[0], others[1]))
    return cohorts
