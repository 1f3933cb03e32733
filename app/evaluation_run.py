"""Everything that one evaluation measures, in the order in which it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.app.embedded_photos import Embedded
from hadir.core.errors import InputError
from hadir.core.vectors import Vectors
from hadir.faces.pack import PackInfo
from hadir.index.comparisons import Comparisons, normalised, worn
from hadir.index.evaluation import Accuracy, assess, lay_out
from hadir.index.identification import Identification, identify
from hadir.index.normalisation_choice import NEAREST
from hadir.index.noteworthy import ClosePair, WeakPerson, closest_impostors, weakest_people
from hadir.index.occluded import Occluded, assess_occluded
from hadir.index.scores import Scored, score
from hadir.index.slices import Slice, slices_of

__all__ = ["Cohort", "Evaluation", "Worn", "WornResult", "evaluate_all"]

_FEWEST_IN_COHORT = 100
"""Below this, a mean and a spread of the nearest say nothing about how a face lies among people."""


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """`templates` (M, D), one of each person; `excluded` people were also among those tested and were left out."""

    name: str
    templates: Vectors
    excluded: int

    @property
    def nearest(self) -> int:
        """How many of the nearest the statistics rest on."""
        return min(NEAREST, len(self.templates) - 1)


@dataclass(frozen=True, slots=True, eq=False)
class Worn:
    """Vectors (N, D) of the same photos with something on the face; `found` (N,) where a face was found again."""

    kind: str
    vectors: Vectors
    found: NDArray[np.bool_]
    both: bool


@dataclass(frozen=True, slots=True)
class WornResult:
    """What wearing it costs, plain and normalised."""

    kind: str
    both: bool
    photos: int
    faces_lost: int
    plain: Occluded
    normalised: Occluded | None


@dataclass(frozen=True, slots=True)
class Evaluation:
    """All figures. People are numbers into `people`, photos rows into `photos` (person and file name)."""

    pack: PackInfo
    source: str
    images: int
    people: tuple[str, ...]
    photos: tuple[tuple[str, str], ...]
    accuracy: Accuracy
    normalised: Accuracy | None
    cohort: Cohort | None
    identification: Identification | None
    closest: tuple[ClosePair, ...]
    weakest: tuple[WeakPerson, ...]
    slices: tuple[Slice, ...]
    worn: WornResult | None

    @property
    def failed(self) -> int:
        """Photos without a usable face."""
        return self.images - self.accuracy.images


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Comparisons in one scale, scored once."""

    compared: Comparisons
    scored: Scored
    accuracy: Accuracy


def evaluate_all(
    pack: PackInfo,
    source: str,
    embedded: Embedded,
    photos_per_template: int = 1,
    photos_per_probe: int = 1,
    *,
    cohort: Cohort | None = None,
    columns: Mapping[str, Sequence[str | None]] | None = None,
    wearing: Worn | None = None,
) -> Evaluation:
    """Measure. Columns are parallel to the sorted ids of the people with a face.

    Raises:
        InputError: there are no pairs to compare, or the cohort is too small.
    """
    compared = lay_out(embedded.vectors, embedded.labels, photos_per_template, photos_per_probe)
    scored = score(compared)
    plain = _Side(compared, scored, assess(compared, scored=scored))
    z = None if cohort is None else _normalised_side(compared, cohort)
    return Evaluation(
        pack=pack,
        source=source,
        images=embedded.given,
        people=tuple(sorted(set(embedded.labels))),
        photos=tuple((photo.person, photo.path.name) for photo in embedded.photos),
        accuracy=plain.accuracy,
        normalised=None if z is None else z.accuracy,
        cohort=cohort,
        identification=identify(
            embedded.vectors, embedded.labels, photos_per_template, photos_per_probe, margin=pack.identify_margin
        ),
        closest=closest_impostors(compared, scored),
        weakest=weakest_people(compared, scored),
        slices=slices_of(compared, scored, plain.accuracy, columns) if columns else (),
        worn=None if wearing is None else _worn(embedded, plain, z, cohort, wearing),
    )


def _normalised(compared: Comparisons, cohort: Cohort) -> Comparisons:
    if len(cohort.templates) < _FEWEST_IN_COHORT:
        raise InputError(
            f"{cohort.name} leaves {len(cohort.templates)} people for a cohort, expected at least {_FEWEST_IN_COHORT} "
            "who are not among those tested"
        )
    return normalised(compared, cohort.templates, cohort.nearest)


def _normalised_side(compared: Comparisons, cohort: Cohort) -> _Side:
    z = _normalised(compared, cohort)
    scored = score(z)
    return _Side(z, scored, assess(z, scored=scored))


def _worn(embedded: Embedded, plain: _Side, z: _Side | None, cohort: Cohort | None, wearing: Worn) -> WornResult:
    """The plain comparisons again, with the same people wearing it."""
    other = worn(plain.compared, embedded.vectors, wearing.vectors, wearing.found, wearing.both)
    if other.genuine_pairs == 0 or other.impostor_pairs == 0:
        raise InputError(
            f"a face was found again in {int(wearing.found.sum())} of {len(wearing.found)} photos with a drawn "
            f"{wearing.kind}, too few to compare: give more photos, or larger faces"
        )
    in_z = None
    if z is not None and cohort is not None:
        in_z = assess_occluded(z.scored, z.accuracy, _normalised(other, cohort))
    return WornResult(
        wearing.kind,
        wearing.both,
        len(wearing.found),
        int((~wearing.found).sum()),
        assess_occluded(plain.scored, plain.accuracy, other),
        in_z,
    )
