"""Every probe compared with every template of another person: cosines counted, and normalised scores beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.index.impostor_sides import GROUPS, Side
from hadir.index.nearest_people import Nearest
from hadir.index.score_histogram import BINS, MOST_SCORES, Counts, count_scores

__all__ = ["NORMALISED_RANGE", "Counted", "count_impostors"]

NORMALISED_RANGE = 16.0
"""z is counted on the grid of cosines divided by this, which is exact in binary: steps of 2^-11, and everything beyond
+-16 as 16. Thresholds at the rates that tables hold lie between -2 and 8 (measured with the open pack)."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Impostor scores of a cell: all, and those that touch each group of people on either side, (GROUPS, BINS)."""

    total: Counts
    touching: NDArray[np.int64]

    @classmethod
    def nothing(cls) -> Counted:
        """Before the first comparison."""
        return cls(np.zeros(BINS, dtype=np.int64), np.zeros((GROUPS, BINS), dtype=np.int64))

    def add(self, counts: Counts, probe_group: int, template_group: int) -> None:
        """Comparisons of two groups."""
        self.total[:] += counts
        self.touching[probe_group] += counts
        if probe_group != template_group:
            self.touching[template_group] += counts


def count_impostors(
    probes: Sequence[Side], templates: Sequence[Side], *, cosine: bool, normalised: bool
) -> tuple[Counted, Counted]:
    """Counts of the cosines and of z / NORMALISED_RANGE, as far as asked for; both sides are in groups.

    A comparison whose z cannot be told (nearest people without a spread) is counted among the cosines alone.
    """
    cosines, scores = Counted.nothing(), Counted.nothing()
    for g, probe_side in enumerate(probes):
        for h, template_side in enumerate(templates):
            for start, block in _blocks(probe_side, template_side):
                impostor = _others(probe_side, template_side, start, block) if g == h else None
                if cosine:
                    cosines.add(count_scores(block if impostor is None else block[impostor]), g, h)
                if normalised:
                    z = _normalised(block, probe_side, template_side, start)
                    said = np.isfinite(z) if impostor is None else impostor & np.isfinite(z)
                    scores.add(count_scores(z if said.all() else z[said]), g, h)
    return cosines, scores


def _blocks(probes: Side, templates: Side) -> Iterator[tuple[int, NDArray[np.float32]]]:
    """Cosines (rows, templates) of some probes, and the first of these."""
    if len(templates.vectors) == 0:
        return
    step = max(1, MOST_SCORES // len(templates.vectors))
    for start in range(0, len(probes.vectors), step):
        yield start, probes.vectors[start : start + step] @ templates.vectors.T


def _others(probes: Side, templates: Side, start: int, block: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which comparisons are of two people."""
    others: NDArray[np.bool_] = probes.owners[start : start + len(block), None] != templates.owners[None, :]
    return others


def _normalised(cosines: NDArray[np.float32], probes: Side, templates: Side, start: int) -> NDArray[np.float32]:
    """z / NORMALISED_RANGE of a block, with statistics from which both people are left out."""
    if probes.nearest is None or templates.nearest is None:
        raise ValueError("sides without their nearest people cannot be normalised")
    rows = np.arange(start, start + len(cosines))
    probe, template = probes.nearest.of(rows), templates.nearest
    z = cosines * np.add.outer(probe.scale, template.scale)
    z -= np.add.outer(probe.shift, template.shift)
    row, place, column = _met(probe, templates.owners)
    z[row, column] += _change(cosines[row, column], probe, row, place)
    column, place, row = _met(template, probes.owners[rows])
    z[row, column] += _change(cosines[row, column], template, column, place)
    z *= np.float32(1 / NORMALISED_RANGE)
    return z


def _change(
    cosines: NDArray[np.float32], side: Nearest, row: NDArray[np.intp], place: NDArray[np.intp]
) -> NDArray[np.float32]:
    """What half of z gains where the other person is left out of this side's nearest."""
    scale = side.scale_without[row, place] - side.scale[row]
    changed: NDArray[np.float32] = cosines * scale - (side.shift_without[row, place] - side.shift[row])
    return changed


def _met(side: Nearest, owners: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Where a row's nearest people stand on the other side, whose ascending `owners` are given: (row, place among its
    nearest, position on the other side), a triple for every comparison."""
    if len(owners) == 0:
        nobody = np.empty(0, dtype=np.intp)
        return nobody, nobody, nobody
    row, place = np.nonzero(side.people % GROUPS == owners[0] % GROUPS)
    people = side.people[row, place]
    first = np.searchsorted(owners, people, side="left")
    count = np.searchsorted(owners, people, side="right") - first
    begins = np.cumsum(count) - count
    position = np.repeat(first - begins, count) + np.arange(count.sum())
    return np.repeat(row, count), np.repeat(place, count), position
