"""What an evaluation compares with what: all pairs of photos, or probes with fused templates, plain or normalised."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import InputError
from hadir.core.vectors import Vectors, as_unit_vectors, fuse
from hadir.index.normalisation import SMALLEST_SD, cohort_statistics

__all__ = [
    "Z_RANGE",
    "Comparisons",
    "Owners",
    "Rows",
    "among",
    "compare_all",
    "compare_templates",
    "normalised",
    "worn",
]

Owners = NDArray[np.int32]
"""(N,) whose each row is: 0 to the number of people - 1."""

Rows = NDArray[np.int32]
"""(N, P) which P photos each of N vectors was made of."""

Z_RANGE = 64.0
"""Normalised scores are counted as z / 64, so that they lie in -1..1 like cosines: a grid of .002, where thresholds at
rates a factor of ten apart lie about 1.5 apart. With the open pack |z| stays below 25."""


@dataclass(frozen=True, slots=True, eq=False)
class Comparisons:
    """What is to be compared: every probe with every template, or, where `symmetric`, every pair of rows once.

    `probe_counts` and `template_counts` (people,) int64 say how many each person has, `probe_rows` and `template_rows`
    which of the `photos` given were fused. Where `apart`, a photo is not compared with itself: either side is then of
    single ones. `statistics`, of probes (N, 2) and templates (M, 2), make every score an AS-norm z instead of a cosine.
    """

    probes: Vectors
    probe_owners: Owners
    templates: Vectors
    template_owners: Owners
    probe_counts: NDArray[np.int64]
    template_counts: NDArray[np.int64]
    symmetric: bool
    probe_rows: Rows
    template_rows: Rows
    photos: int
    apart: bool = False
    statistics: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None

    @property
    def people(self) -> int:
        """How many people there are, with and without comparisons."""
        return len(self.probe_counts)

    @property
    def unit(self) -> float:
        """What a score is multiplied by to be a cosine, or a z."""
        return 1.0 if self.statistics is None else Z_RANGE

    @property
    def genuine_pairs(self) -> int:
        """Comparisons of one person."""
        if self.symmetric:
            return int((self.probe_counts * (self.probe_counts - 1) // 2).sum())
        shared = np.intersect1d(self.probe_rows, self.template_rows).size if self.apart else 0
        return int((self.probe_counts * self.template_counts).sum()) - shared

    @property
    def impostor_pairs(self) -> int:
        """Comparisons of two people."""
        return round(self.impostor_weight(np.ones(len(self.probe_counts))))

    def impostor_weight(self, drawn: NDArray[np.float64]) -> float:
        """The number of impostor comparisons where person i is there `drawn[i]` times, without those with a copy."""
        probes, templates = drawn * self.probe_counts, drawn * self.template_counts
        ordered = float(probes.sum() * templates.sum() - (probes * templates).sum())
        return ordered / 2 if self.symmetric else ordered


def compare_all(vectors: Vectors, owners: Owners) -> Comparisons:
    """Every row with every other, once."""
    rows = as_unit_vectors(vectors)
    counts = np.bincount(owners)
    single = np.arange(len(rows), dtype=np.int32)[:, None]
    return Comparisons(
        rows,
        owners,
        rows,
        owners,
        counts,
        counts,
        symmetric=True,
        probe_rows=single,
        template_rows=single,
        photos=len(rows),
    )


def compare_templates(vectors: Vectors, owners: Owners, photos: int, photos_per_probe: int = 1) -> Comparisons:
    """Templates fused of each person's first `photos` rows, against probes of the rows that are in no template.

    A probe is fused of `photos_per_probe` consecutive rows; no row is in two probes, and a remainder is left out.
    """
    rows = as_unit_vectors(vectors)
    people = int(owners.max(initial=-1)) + 1
    templates: list[NDArray[np.intp]] = []
    probes: list[NDArray[np.intp]] = []
    order = np.argsort(owners, kind="stable")
    for own in np.split(order, np.searchsorted(owners[order], np.arange(1, people))) if people else []:
        enrolled = photos if len(own) >= photos else 0
        templates += [own[:enrolled]] if enrolled else []
        ends = range(enrolled + photos_per_probe, len(own) + 1, photos_per_probe)
        probes += [own[end - photos_per_probe : end] for end in ends]
    # Probes keep the order of their photos, so that a block's scores are summed as they always were.
    probes.sort(key=lambda window: int(window[0]))
    probe_rows, template_rows = _as_rows(probes, photos_per_probe), _as_rows(templates, photos)
    return _of(rows, rows, owners, probe_rows, template_rows, people=people)


def worn(compared: Comparisons, plain: Vectors, other: Vectors, found: NDArray[np.bool_], both: bool) -> Comparisons:
    """The same comparisons with other photos of the same moments: of people who wear something.

    `plain` and `other` are (N, D) vectors of the photos that `compared` was made of, `other` with it; where not
    `found`, no face was found any more, and what would be made of such a photo is left out. Probes are made of `other`,
    and templates as well where `both`. Pairs of single photos are compared both ways: one of the two wears it.
    """
    probe_rows = compared.probe_rows[found[compared.probe_rows].all(axis=1)]
    template_rows = compared.template_rows
    if both:
        template_rows = template_rows[found[template_rows].all(axis=1)]
    owners = np.zeros(len(plain), dtype=np.int32)
    owners[compared.probe_rows] = compared.probe_owners[:, None]
    owners[compared.template_rows] = compared.template_owners[:, None]
    made = _of(other, other if both else plain, owners, probe_rows, template_rows, people=compared.people)
    return replace(made, symmetric=compared.symmetric and both, apart=compared.symmetric and not both)


def _of(
    probes: Vectors, templates: Vectors, owners: Owners, probe_rows: Rows, template_rows: Rows, *, people: int
) -> Comparisons:
    """Every probe with every template, fused of these rows."""
    probe_owners, template_owners = owners[probe_rows[:, 0]], owners[template_rows[:, 0]]
    return Comparisons(
        probes=_fused(probes, probe_rows),
        probe_owners=probe_owners,
        templates=_fused(templates, template_rows),
        template_owners=template_owners,
        probe_counts=np.bincount(probe_owners, minlength=people),
        template_counts=np.bincount(template_owners, minlength=people),
        symmetric=False,
        probe_rows=probe_rows,
        template_rows=template_rows,
        photos=len(owners),
    )


def among(compared: Comparisons, people: NDArray[np.bool_]) -> Comparisons:
    """The comparisons in which both sides are some of the people, (people,) bool; they keep their numbers."""
    probes, templates = people[compared.probe_owners], people[compared.template_owners]
    statistics = compared.statistics
    return replace(
        compared,
        probes=compared.probes[probes],
        probe_owners=compared.probe_owners[probes],
        templates=compared.templates[templates],
        template_owners=compared.template_owners[templates],
        probe_counts=np.where(people, compared.probe_counts, 0),
        template_counts=np.where(people, compared.template_counts, 0),
        probe_rows=compared.probe_rows[probes],
        template_rows=compared.template_rows[templates],
        statistics=None if statistics is None else (statistics[0][probes], statistics[1][templates]),
    )


def normalised(compared: Comparisons, cohort: Vectors, k: int) -> Comparisons:
    """The same comparisons scored in AS-norm's z. `cohort` (M, D): one fused template each of people who are not here.

    Raises:
        InputError: the cohort is too small, or too alike, for a spread.
    """
    probes = cohort_statistics(compared.probes, cohort, k)
    templates = probes if compared.symmetric else cohort_statistics(compared.templates, cohort, k)
    for found in (probes, templates):
        if not (found[:, 1] >= SMALLEST_SD).all():
            raise InputError(
                f"a cohort of {len(cohort)} people gives some photo no spread of at least {SMALLEST_SD:g} among its "
                f"{k} nearest: give a folder of more people"
            )
    return replace(compared, statistics=(probes, templates))


def _as_rows(windows: Sequence[NDArray[np.intp]], width: int) -> Rows:
    return np.array(windows, dtype=np.int32).reshape(-1, width)


def _fused(vectors: Vectors, rows: Rows) -> Vectors:
    if rows.shape[1] == 1:
        return vectors[rows[:, 0]]
    return np.array([fuse(vectors[own]) for own in rows], dtype=np.float32).reshape(-1, vectors.shape[1])
