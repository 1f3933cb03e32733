"""Exact search with FAISS over one fused vector per person: the only file that imports faiss.

Flat, because 13,000 people are few: a full scan is exact, needs no training and costs .05 ms a probe at batch 32, while
a graph index takes seconds to build and is no faster in batches. Two traps of faiss 1.15 are disarmed here: OpenMP
threads spin against each other on shared cores, and matrix products start only at 128,000 query values unless told
otherwise (facebookresearch/faiss#5022).

FAISS answers in float32 and in no promised order among equals. The few best are therefore scored again, row by row in
float64; where more people than that are as good as equal, the probe is scanned anew in full.

Synthetic people lie in a second index of their own, so that they are found but never crowd real people out of a cohort.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import Candidate
from hadir.core.vectors import Vectors, as_unit_vectors
from hadir.index.exact_scores import exact_scores
from hadir.index.people import EnrolledPerson, check_people
from hadir.index.search import OTHERS, SearchResult, checked_probes
from hadir.index.space import require_same_space

__all__ = ["FlatIndex", "FlatVectors", "build_flat_index", "flat_vectors", "pack_vectors", "read_vectors"]

WINDOW = 8
"""Rows scored again per probe: two others, the claimed person, and room to see that the rest are worse."""

FLOAT32_ERROR = 4e-6
"""Cosines of unit vectors in float32 stray from float64 by 5e-7 at most over 512 dimensions; eight times that."""

_FLAT_IP = b"IxFI"
_HEADER = struct.Struct("<4siqqqBiQ")
"""FAISS's format: kind, dimension, rows, two constants, trained, metric, number of floats; then the floats."""


@dataclass(frozen=True, slots=True, eq=False)
class FlatVectors:
    """A FAISS index and the (N, D) matrix inside it, without a copy; the matrix lives as long as this object."""

    index: faiss.IndexFlatIP
    matrix: Vectors


def flat_vectors(vectors: Vectors) -> FlatVectors:
    """Index (N, D) unit vectors in memory. Raises ValueError where they are not."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(as_unit_vectors(vectors))
    return _viewed(index)


def pack_vectors(vectors: Vectors) -> bytes:
    """The file content that `read_vectors` maps; deterministic."""
    return bytes(faiss.serialize_index(flat_vectors(vectors).index))


def read_vectors(path: Path) -> FlatVectors:
    """Map a file into memory, read-only: the processes of a machine share one copy of its pages.

    FAISS trusts the lengths in a mapped file and would read past its end, so they are compared with its size first.

    Raises:
        ValueError: it is not a flat inner-product index, or its vectors are not unit norm.
        OSError: it cannot be read.
    """
    _check_lengths(path)
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as err:
        raise ValueError("it is not readable as a FAISS index") from err
    if not isinstance(index, faiss.IndexFlatIP):
        raise ValueError(f"it is a {type(index).__name__}, expected an IndexFlatIP")
    vectors = _viewed(index)
    as_unit_vectors(vectors.matrix)
    return vectors


def _check_lengths(path: Path) -> None:
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_FLAT_IP):
        raise ValueError("it is not a flat inner-product index of FAISS")
    _, dimension, rows, _, _, _, _, floats = _HEADER.unpack(header)
    if dimension < 1 or rows < 0 or floats != rows * dimension or size_bytes != _HEADER.size + 4 * floats:
        raise ValueError(f"its header promises {rows} vectors of {dimension} dimensions in {size_bytes} bytes")


def _viewed(index: faiss.IndexFlatIP) -> FlatVectors:
    shape = (int(index.ntotal), int(index.d))
    if index.ntotal == 0:
        return FlatVectors(index, np.empty(shape, dtype=np.float32))
    matrix: Vectors = faiss.rev_swig_ptr(index.get_xb(), shape[0] * shape[1]).reshape(shape)
    matrix.flags.writeable = False
    return FlatVectors(index, matrix)


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
        faiss.cvar.distance_compute_blas_threshold = 1
        self._real = real
        self._synthetic = synthetic
        self._people = tuple(people)
        self._rows = {p.person: row for row, p in enumerate(people)}
        self._embedding_space = embedding_space

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
        scores, found = _best(self._real, probes, max(cohort + 1, WINDOW))
        windows = [_windows(self._real, probes, scores, found, first_row=0)]
        if len(self._synthetic.matrix):
            more = _best(self._synthetic, probes, WINDOW)
            windows.append(_windows(self._synthetic, probes, *more, first_row=len(self._real.matrix)))
        cohorts = _without_claimed(scores, found, rows, cohort)
        return [
            SearchResult(
                claimed=None if row is None else self._scored(row, float(exact_scores(self._vector(row), probe))),
                others=self._others(probe, row, [window[n] for window in windows]),
                cohort=cohorts[n],
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


def _best(part: FlatVectors, probes: Vectors, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Scores and rows of the best, (N, min(count, rows)); FAISS pads what it does not have with row -1."""
    count = min(count, len(part.matrix))
    if count == 0:
        return np.empty((len(probes), 0), dtype=np.float32), np.empty((len(probes), 0), dtype=np.int64)
    faiss.omp_set_num_threads(1)
    scores, rows = part.index.search(probes, count)
    return scores, rows


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


def _without_claimed(
    scores: NDArray[np.float32], found: NDArray[np.int64], claimed: Sequence[int | None], cohort: int
) -> list[tuple[float, ...]]:
    own = found == np.array([-1 if row is None else row for row in claimed], dtype=np.int64)[:, None]
    places = np.where(own.any(axis=1), own.argmax(axis=1), -1).tolist() if own.size else [-1] * len(claimed)
    cohorts = []
    for row, place in zip(scores.tolist(), places, strict=True):
        if place >= 0:
            del row[place]
        cohorts.append(tuple(row[:cohort]))
    return cohorts
