"""Impostor scores to thresholds: which similarity do strangers reach at a given rate, for every cell (p, k).

A threshold belongs to a gallery and to the number of photos on both sides, because scores of *different* people rise
with every photo that is fused: a single-photo threshold on three-photo templates would let in more strangers than the
policy says. So nothing is carried over from one cell to another, and a cell with too few comparisons says so.

The definition, which the pack's own table shares:

- A person's photos are taken in the order given: ascending template id, which is a hash and so without meaning.
- A probe of cell (p, k) is the L2 mean of p photos of person A: disjoint windows of p consecutive photos, so that no
  photo is in two probes of a cell; a remainder of fewer than p photos is left out.
- A template of k = 1, 2, 3 photos is the L2 mean of the first k photos of person B; everyone with at least k photos
  has one. The template of k = 4 ("four or more") is the L2 mean of *all* photos of everyone with at least four, which
  is what the index holds for them.
- Every probe is compared with every template of another person. The threshold at a rate is the lowest similarity, on
  a grid of 2^-15, that at most this share of the comparisons reaches (reaching means >=).
- A cell with fewer than 30/rate comparisons has no threshold at this rate: the "rule of 30" (Doddington et al.,
  The NIST speaker recognition evaluation, Speech Communication 31, 2000) wants 30 errors for +-30 % at 90 %.
- Comparisons that share a person are not independent, so the 95 % interval is taken over people: a delete-a-group
  jackknife with 20 groups of people, a left-out person leaves both sides (Kott, J. of Official Statistics 17, 2001; a
  jackknife that deletes many is valid for quantiles: Shao & Wu, Annals of Statistics 17, 1989).

Vectors of people who do not exist never come here: callers pass the gallery, which holds none.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.thresholds import CELLS, RATES, ThresholdTable
from hadir.core.vectors import Vectors, as_unit_vectors, fuse, normalise
from hadir.index.score_histogram import BINS, MOST_SCORES, Counts, count_scores, reached, similarity_at

__all__ = ["ERRORS_WANTED", "Calibration", "CellFigures", "Interval", "impostor_table"]

Interval = tuple[float, float]

ERRORS_WANTED = 30
"""A rate is supported by 30/rate comparisons, see above."""

GROUPS = 20
STUDENT_T_19 = 2.093
"""Two-sided 95 % quantile of Student's t with GROUPS - 1 degrees of freedom."""

FOUR_OR_MORE = 4


@dataclass(frozen=True, slots=True)
class CellFigures:
    """What a cell's thresholds rest on."""

    probe_people: int
    probes: int
    templates: int
    comparisons: int


@dataclass(frozen=True, slots=True)
class Calibration:
    """Thresholds with their evidence.

    `interval95[rate][cell]` is the 95 % interval of the similarity, None where the cell has no threshold, or fewer
    people on a side than the jackknife has groups. `cells` holds all sixteen.
    """

    table: ThresholdTable
    interval95: Mapping[str, Mapping[str, Interval | None]]
    cells: Mapping[str, CellFigures]


@dataclass(frozen=True, slots=True)
class _Side:
    """Probes or templates of one group of people; `owners` (N,) says whose each row is."""

    vectors: Vectors
    owners: NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class _Counted:
    """Impostor scores of a cell: all, and those that touch each group of people on either side, (GROUPS, BINS)."""

    total: Counts
    touching: NDArray[np.int64]


def impostor_table(people: Mapping[str, Vectors], rates: Sequence[str] = RATES) -> Calibration:
    """Calibrate all sixteen cells on real people: person to (photos, D) float32 unit vectors in template order.

    Takes eleven seconds on one core for 13,000 people of three photos (2.5e9 comparisons, D = 128), and the memory of
    seven more copies of the vectors.

    Raises:
        ValueError: a vector is not unit norm, or dimensions differ; the message names the row, never the person.
    """
    photos = _checked(people)
    probes = [_grouped([_windows(v, p) for v in photos]) for p in range(1, FOUR_OR_MORE + 1)]
    templates = [_grouped([_template(v, k) for v in photos]) for k in range(1, FOUR_OR_MORE + 1)]
    figures: dict[str, CellFigures] = {}
    similarity: dict[str, dict[str, float | None]] = {rate: {} for rate in rates}
    intervals: dict[str, dict[str, Interval | None]] = {rate: {} for rate in rates}
    for cell in CELLS:
        p, k = (int(part) for part in cell.split("/"))
        figures[cell] = _figures(probes[p - 1], templates[k - 1])
        supported = [rate for rate in rates if figures[cell].comparisons * float(rate) >= ERRORS_WANTED - 1e-9]
        counted = _count(probes[p - 1], templates[k - 1]) if supported else None
        enough_people = min(figures[cell].probe_people, figures[cell].templates) >= GROUPS
        for rate in rates:
            wanted = counted if rate in supported else None
            similarity[rate][cell] = similarity_at(reached(wanted.total), float(rate)) if wanted else None
            intervals[rate][cell] = _interval(wanted, float(rate)) if wanted and enough_people else None
    return Calibration(ThresholdTable(similarity), intervals, figures)


def _checked(people: Mapping[str, Vectors]) -> list[Vectors]:
    dimension = next((vectors.shape[-1] for vectors in people.values()), None)
    return [as_unit_vectors(people[person], dimension) for person in sorted(people)]


def _windows(photos: Vectors, p: int) -> Vectors:
    count, dimension = len(photos) // p, photos.shape[1]
    if p == 1 or count == 0:
        return photos[:count]
    return normalise(photos[: count * p].reshape(count, p, dimension).mean(axis=1, dtype=np.float64))


def _template(photos: Vectors, k: int) -> Vectors:
    if len(photos) < k:
        return photos[:0]
    return fuse(photos if k == FOUR_OR_MORE else photos[:k])[None, :]


def _grouped(rows: Sequence[Vectors]) -> list[_Side]:
    """`rows[i]` are person i's; people are dealt to the groups like cards, so that groups are alike in size."""
    owners = np.repeat(np.arange(len(rows), dtype=np.int32), [len(r) for r in rows])
    sides = []
    for group in range(GROUPS):
        dealt = rows[group::GROUPS]
        vectors = np.concatenate(dealt) if dealt else np.empty((0, 0), dtype=np.float32)
        sides.append(_Side(vectors, owners[owners % GROUPS == group]))
    return sides


def _figures(probes: Sequence[_Side], templates: Sequence[_Side]) -> CellFigures:
    probe_owners = np.concatenate([side.owners for side in probes])
    template_owners = np.concatenate([side.owners for side in templates])
    own = int(np.isin(probe_owners, template_owners).sum())
    return CellFigures(
        probe_people=len(np.unique(probe_owners)),
        probes=len(probe_owners),
        templates=len(template_owners),
        comparisons=len(probe_owners) * len(template_owners) - own,
    )


def _count(probes: Sequence[_Side], templates: Sequence[_Side]) -> _Counted:
    counted = _Counted(np.zeros(BINS, dtype=np.int64), np.zeros((GROUPS, BINS), dtype=np.int64))
    for g, probe_side in enumerate(probes):
        for h, template_side in enumerate(templates):
            for counts in _blocks(probe_side, template_side, same_group=g == h):
                counted.total[:] += counts
                counted.touching[g] += counts
                if g != h:
                    counted.touching[h] += counts
    return counted


def _blocks(probes: _Side, templates: _Side, same_group: bool) -> Iterator[Counts]:
    if len(templates.vectors) == 0:
        return
    step = max(1, MOST_SCORES // len(templates.vectors))
    for start in range(0, len(probes.vectors), step):
        scores = probes.vectors[start : start + step] @ templates.vectors.T
        counts = count_scores(scores)
        if same_group:
            own = probes.owners[start : start + step, None] == templates.owners[None, :]
            counts -= count_scores(scores[own])
        yield counts


def _interval(counted: _Counted, rate: float) -> Interval:
    """Jackknife: variance = (G - 1)/G * sum over groups of (threshold without the group - their mean)^2."""
    whole = similarity_at(reached(counted.total), rate)
    parts = np.array([similarity_at(reached(counted.total - touching), rate) for touching in counted.touching])
    error = float(np.sqrt((GROUPS - 1) / GROUPS * np.square(parts - parts.mean()).sum()))
    return whole - STUDENT_T_19 * error, whole + STUDENT_T_19 * error
