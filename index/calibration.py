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

Normalised scores (z, `hadir.index.normalisation`) are counted over the same comparisons, as a check-in of somebody who
is enrolled nowhere is served: the nearest people of a probe and of a template are the fused templates of the index,
without the probe's own person and without the template's.

Vectors of people who do not exist never come here: callers pass the gallery, which holds none.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hadir.core.thresholds import CELLS, RATES, ThresholdTable
from hadir.core.vectors import Vectors, as_unit_vectors
from hadir.index.impostor_counts import NORMALISED_RANGE, Counted, count_impostors
from hadir.index.impostor_sides import FOUR_OR_MORE, GROUPS, Side, cohort_of, probe_side, template_side
from hadir.index.normalisation_choice import Interval, Normalisation
from hadir.index.score_histogram import reached, similarity_at

__all__ = ["ERRORS_WANTED", "GROUPS", "Calibration", "CellFigures", "Interval", "impostor_table", "impostor_tables"]

ERRORS_WANTED = 30
"""A rate is supported by 30/rate comparisons, see above."""

STUDENT_T_19 = 2.093
"""Two-sided 95 % quantile of Student's t with GROUPS - 1 degrees of freedom."""


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
    people on a side than the jackknife has groups. `cells` holds all sixteen. `normalisation` says whether and how
    cosines are normalised before they are compared; None where nobody asked.
    """

    table: ThresholdTable
    interval95: Mapping[str, Mapping[str, Interval | None]]
    cells: Mapping[str, CellFigures]
    normalisation: Normalisation | None = None

    @property
    def normalised(self) -> ThresholdTable | None:
        """The thresholds of z, None where cosines are compared."""
        return self.normalisation.table if self.normalisation is not None and self.normalisation.on else None


def impostor_table(
    people: Mapping[str, Vectors], rates: Sequence[str] = RATES, on_cell: Callable[[str], None] | None = None
) -> Calibration:
    """Calibrate all sixteen cells on real people: person to (photos, D) float32 unit vectors in template order.

    Takes eleven seconds on one core for 13,000 people of three photos (2.5e9 comparisons, D = 128), and the memory of
    seven more copies of the vectors. `on_cell` hears each cell when it is done.

    Raises:
        ValueError: a vector is not unit norm, or dimensions differ; the message names the row, never the person.
    """
    return _calibrated(people, rates, None, on_cell or _nothing)[0]


def impostor_tables(
    people: Mapping[str, Vectors],
    k: int,
    rates: Sequence[str] = RATES,
    on_cell: Callable[[str], None] | None = None,
) -> tuple[Calibration, Calibration]:
    """The same, and the thresholds of z beside it, with statistics over the k nearest others, from one pass: 27
    seconds for the same people.

    Raises:
        ValueError: as `impostor_table`, or fewer than k + 2 people.
    """
    return _calibrated(people, rates, k, on_cell or _nothing)


def _nothing(cell: str) -> None:
    """Nobody listens."""


def _calibrated(
    people: Mapping[str, Vectors], rates: Sequence[str], k: int | None, on_cell: Callable[[str], None]
) -> tuple[Calibration, Calibration]:
    probes, templates = _sides(_checked(people), k)
    cosine, normalised = _Thresholds(rates, 1.0), _Thresholds(rates, NORMALISED_RANGE)
    figures: dict[str, CellFigures] = {}
    for cell in CELLS:
        probe, template = (int(part) for part in cell.split("/"))
        sides = probes[probe - 1], templates[template - 1]
        figures[cell] = _figures(*sides)
        supported = [rate for rate in rates if figures[cell].comparisons * float(rate) >= ERRORS_WANTED - 1e-9]
        if supported:
            counted = count_impostors(*sides, cosine=True, normalised=k is not None)
        else:
            counted = Counted.nothing(), Counted.nothing()
        cosine.read(cell, figures[cell], supported, counted[0])
        normalised.read(cell, figures[cell], supported if k is not None else (), counted[1])
        on_cell(cell)
    return cosine.calibration(figures), normalised.calibration(figures)


def _sides(photos: Sequence[Vectors], k: int | None) -> tuple[list[list[Side]], list[list[Side]]]:
    sizes = range(1, FOUR_OR_MORE + 1)
    probes, templates = ([side(photos, size) for size in sizes] for side in (probe_side, template_side))
    if k is None or not photos:
        return probes, templates
    cohort = cohort_of(photos)
    near_probes, near_templates = (
        [[one.normalised(cohort, k) for one in side] for side in sides] for sides in (probes, templates)
    )
    return near_probes, near_templates


class _Thresholds:
    """The thresholds of one scale, read off cell by cell; `width` is what 1 on the grid stands for."""

    def __init__(self, rates: Sequence[str], width: float) -> None:
        self._width = width
        self._values: dict[str, dict[str, float | None]] = {rate: {} for rate in rates}
        self._intervals: dict[str, dict[str, Interval | None]] = {rate: {} for rate in rates}

    def read(self, cell: str, figures: CellFigures, supported: Sequence[str], counted: Counted) -> None:
        enough_people = min(figures.probe_people, figures.templates) >= GROUPS
        for rate in self._values:
            wanted = rate in supported
            low, high = _interval(counted, float(rate)) if wanted and enough_people else (0.0, 0.0)
            value = similarity_at(reached(counted.total), float(rate)) * self._width if wanted else None
            self._values[rate][cell] = value
            self._intervals[rate][cell] = (low * self._width, high * self._width) if wanted and enough_people else None

    def calibration(self, figures: Mapping[str, CellFigures]) -> Calibration:
        return Calibration(ThresholdTable(self._values), self._intervals, figures)


def _checked(people: Mapping[str, Vectors]) -> list[Vectors]:
    dimension = next((vectors.shape[-1] for vectors in people.values()), None)
    return [as_unit_vectors(people[person], dimension) for person in sorted(people)]


def _figures(probes: Sequence[Side], templates: Sequence[Side]) -> CellFigures:
    probe_owners = np.concatenate([side.owners for side in probes])
    template_owners = np.concatenate([side.owners for side in templates])
    own = int(np.isin(probe_owners, template_owners).sum())
    return CellFigures(
        probe_people=len(np.unique(probe_owners)),
        probes=len(probe_owners),
        templates=len(template_owners),
        comparisons=len(probe_owners) * len(template_owners) - own,
    )


def _interval(counted: Counted, rate: float) -> Interval:
    """Jackknife: variance = (G - 1)/G * sum over groups of (threshold without the group - their mean)^2."""
    whole = similarity_at(reached(counted.total), rate)
    parts = np.array([similarity_at(reached(counted.total - touching), rate) for touching in counted.touching])
    error = float(np.sqrt((GROUPS - 1) / GROUPS * np.square(parts - parts.mean()).sum()))
    return whole - STUDENT_T_19 * error, whole + STUDENT_T_19 * error
