"""All scores of an evaluation, in blocks: genuine scores are kept, impostor scores counted and their tail kept.

A score is a cosine, or z / 64 where the comparisons are normalised; both lie in -1..1.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.index.comparisons import Z_RANGE, Comparisons, Owners
from hadir.index.normalisation import as_norm
from hadir.index.score_histogram import BINS, MOST_SCORES, Counts, count_scores

__all__ = ["Block", "Scored", "Tail", "blocks", "impostor_tail", "score"]


Places = NDArray[np.int32]
"""(N,) which probe, or which template, of the comparisons."""


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """`genuine` (G,) float32 scores, whose they are and of which vectors, (G,) each; impostor scores as counts."""

    genuine: NDArray[np.float32]
    genuine_owners: Owners
    probes: Places
    templates: Places
    impostor: Counts


@dataclass(frozen=True, slots=True, eq=False)
class Tail:
    """Impostor scores (T,) float32, the two people of each, and the two vectors."""

    scores: NDArray[np.float32]
    probe_owners: Owners
    template_owners: Owners
    probes: Places
    templates: Places

    def take(self, order: NDArray[np.intp]) -> Tail:
        """The same in another order, or some of it."""
        return Tail(
            self.scores[order],
            self.probe_owners[order],
            self.template_owners[order],
            self.probes[order],
            self.templates[order],
        )


def score(compared: Comparisons) -> Scored:
    """Compare everything. Memory: 20 bytes for a genuine pair, and a fixed 60 MB."""
    impostor = np.zeros(BINS, dtype=np.int64)
    genuine, probes, templates = [], [], []
    for block in blocks(compared):
        impostor += count_scores(block.scores[block.impostor])
        genuine.append(block.scores[block.genuine])
        probe, template = np.nonzero(block.genuine)
        probes.append((probe + block.probe).astype(np.int32))
        templates.append((template + block.template).astype(np.int32))
    places = np.concatenate(probes)
    return Scored(np.concatenate(genuine), compared.probe_owners[places], places, np.concatenate(templates), impostor)


def impostor_tail(compared: Comparisons, similarity: float) -> Tail:
    """The impostor scores that reach `similarity`; compares everything again, which costs less than keeping it."""
    scores, probes, templates = [], [], []
    for block in blocks(compared):
        probe, template = np.nonzero(block.impostor & (block.scores >= similarity))
        scores.append(block.scores[probe, template])
        probes.append((probe + block.probe).astype(np.int32))
        templates.append((template + block.template).astype(np.int32))
    one, other = np.concatenate(probes), np.concatenate(templates)
    return Tail(np.concatenate(scores), compared.probe_owners[one], compared.template_owners[other], one, other)


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Scores (R, M) of the probes from `probe` on with the templates from `template` on; masks of the same shape say
    which count as what."""

    scores: NDArray[np.float32]
    genuine: NDArray[np.bool_]
    impostor: NDArray[np.bool_]
    probe: int
    template: int


def blocks(compared: Comparisons) -> Iterator[Block]:
    """Everything, in parts of at most 2^21 scores or one probe."""
    step = max(1, MOST_SCORES // max(1, len(compared.templates)))
    for start in range(0, len(compared.probes), step):
        probes = slice(start, start + step)
        templates = slice(start if compared.symmetric else 0, None)
        owners, others = compared.probe_owners[probes], compared.template_owners[templates]
        scores = _scores(compared, probes, templates)
        same = owners[:, None] == others[None, :]
        wanted: NDArray[np.bool_] = np.ones((1, 1), dtype=np.bool_)
        if compared.symmetric:
            wanted = np.arange(scores.shape[1])[None, :] > np.arange(scores.shape[0])[:, None]
        elif compared.apart:
            wanted = compared.probe_rows[probes, :1] != compared.template_rows[templates, 0][None, :]
        yield Block(scores, same & wanted, ~same & wanted, start, templates.start)


def _scores(compared: Comparisons, probes: slice, templates: slice) -> NDArray[np.float32]:
    cosines = compared.probes[probes] @ compared.templates[templates].T
    if compared.statistics is None:
        return cosines
    probe, template = compared.statistics[0][probes], compared.statistics[1][templates]
    z = as_norm(cosines, probe[:, :1], probe[:, 1:], template[:, 0], template[:, 1])
    return np.asarray(np.clip(z / Z_RANGE, -1, 1), dtype=np.float32)
