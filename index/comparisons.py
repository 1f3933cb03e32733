"""All comparisons of an evaluation, in blocks: genuine scores are kept, impostor scores counted and their tail kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, as_unit_vectors, fuse
from hadir.index.score_histogram import BINS, MOST_SCORES, Counts, count_scores

__all__ = ["Comparisons", "Owners", "Scored", "Tail", "compare_all", "compare_templates", "impostor_tail", "score"]

Owners = NDArray[np.int32]
"""(N,) whose each row is: 0 to the number of people - 1."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """What is to be compared: every probe with every template, or, where `symmetric`, every pair of rows once.

    `probe_counts` and `template_counts` (people,) int64 say how many each person has.
    """

    probes: Vectors
    probe_owners: Owners
    templates: Vectors
    template_owners: Owners
    probe_counts: NDArray[np.int64]
    template_counts: NDArray[np.int64]
    symmetric: bool

    @property
    def genuine_pairs(self) -> int:
        """Comparisons of one person."""
        if self.symmetric:
            return int((self.probe_counts * (self.probe_counts - 1) // 2).sum())
        return int((self.probe_counts * self.template_counts).sum())

    @property
    def impostor_pairs(self) -> int:
        """Comparisons of two people."""
        return round(self.impostor_weight(np.ones(len(self.probe_counts))))

    def impostor_weight(self, drawn: NDArray[np.float64]) -> float:
        """The number of impostor comparisons where person i is there `drawn[i]` times, without those with a copy."""
        probes, templates = drawn * self.probe_counts, drawn * self.template_counts
        ordered = float(probes.sum() * templates.sum() - (probes * templates).sum())
        return ordered / 2 if self.symmetric else ordered


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """`genuine` (G,) float32 scores and whose they are (G,); impostor scores as counts."""

    genuine: NDArray[np.float32]
    genuine_owners: Owners
    impostor: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Impostor scores (T,) float32 and the two people of each."""

    scores: NDArray[np.float32]
    probe_owners: Owners
    template_owners: Owners


def compare_all(vectors: Vectors, owners: Owners) -> Comparisons:
    """Every row with every other, once."""
    rows = as_unit_vectors(vectors)
    counts = np.bincount(owners)
    return Comparisons(rows, owners, rows, owners, counts, counts, symmetric=True)


def compare_templates(vectors: Vectors, owners: Owners, photos: int) -> Comparisons:
    """Templates fused of each person's first `photos` rows, against all rows that are in no template."""
    rows = as_unit_vectors(vectors)
    people = int(owners.max(initial=-1)) + 1
    templates, template_owners = [rows[:0]], []
    single = np.ones(len(rows), dtype=bool)
    for person in range(people):
        first = np.flatnonzero(owners == person)[:photos]
        if len(first) == photos:
            single[first] = False
            templates.append(fuse(rows[first])[None, :])
            template_owners.append(person)
    fused_owners = np.array(template_owners, dtype=np.int32)
    return Comparisons(
        probes=rows[single],
        probe_owners=owners[single],
        templates=np.concatenate(templates),
        template_owners=fused_owners,
        probe_counts=np.bincount(owners[single], minlength=people),
        template_counts=np.bincount(fused_owners, minlength=people),
        symmetric=False,
    )


def score(compared: Comparisons) -> Scored:
    """Compare everything. Memory: 12 bytes for a genuine pair, and a fixed 60 MB."""
    impostor = np.zeros(BINS, dtype=np.int64)
    genuine, owners = [], []
    for block in _blocks(compared):
        impostor += count_scores(block.scores[block.impostor])
        genuine.append(block.scores[block.genuine])
        owners.append(block.probe_owners[np.nonzero(block.genuine)[0]])
    return Scored(np.concatenate(genuine), np.concatenate(owners), impostor)


def impostor_tail(compared: Comparisons, similarity: float) -> Tail:
    """The impostor scores that reach `similarity`; compares everything again, which costs less than keeping it."""
    parts = []
    for block in _blocks(compared):
        probe, template = np.nonzero(block.impostor & (block.scores >= similarity))
        parts.append(Tail(block.scores[probe, template], block.probe_owners[probe], block.template_owners[template]))
    return Tail(
        np.concatenate([part.scores for part in parts]),
        np.concatenate([part.probe_owners for part in parts]),
        np.concatenate([part.template_owners for part in parts]),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """Scores (R, M) of some probes with templates; masks of the same shape say which count as what."""

    scores: NDArray[np.float32]
    genuine: NDArray[np.bool_]
    impostor: NDArray[np.bool_]
    probe_owners: Owners
    template_owners: Owners


def _blocks(compared: Comparisons) -> Iterator[_Block]:
    step = max(1, MOST_SCORES // max(1, len(compared.templates)))
    for start in range(0, len(compared.probes), step):
        probes = slice(start, start + step)
        templates = slice(start if compared.symmetric else 0, None)
        owners, others = compared.probe_owners[probes], compared.template_owners[templates]
        scores = compared.probes[probes] @ compared.templates[templates].T
        same = owners[:, None] == others[None, :]
        if compared.symmetric:
            once = np.arange(scores.shape[1])[None, :] > np.arange(scores.shape[0])[:, None]
            yield _Block(scores, same & once, ~same & once, owners, others)
        else:
            yield _Block(scores, same, ~same, owners, others)
