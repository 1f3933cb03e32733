"""Which enrolled people look like one: by what the calibration says strangers hardly ever reach."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hadir.app.stores import gallery_root
from hadir.app.wiring import serving_of
from hadir.core.errors import CalibrationError
from hadir.core.settings import Settings
from hadir.core.thresholds import MOST, RATES, ThresholdTable
from hadir.index.duplicates import ClosePairs, find_close_pairs
from hadir.index.galleries import only_gallery
from hadir.index.pointers import resolve
from hadir.index.refusals import Refusal, Refusals
from hadir.index.templates import by_person

__all__ = ["Duplicates", "Floors", "find_duplicates", "floors_of"]


@dataclass(frozen=True, slots=True)
class Floors:
    """`similarity` and `fmr` are (4, 4), by the numbers of photos of both people, 1 to "four or more".

    `borrowed` cells have been measured at no rate and take the highest floor of the others: strangers with more photos
    look more alike, so they put more pairs on the list, never fewer.
    """

    similarity: NDArray[np.float32]
    fmr: NDArray[np.float64]
    borrowed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Duplicates:
    """`expected_strangers` is how many pairs of strangers the floors' rates alone would put on the list.

    `same_photo` are photos that were refused because they are somebody else's template.
    """

    close: ClosePairs
    people: int
    expected_strangers: float
    floors: Floors
    same_photo: tuple[Refusal, ...]

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "people": self.people,
            "compared": self.close.compared,
            "found": self.close.found,
            "expected_strangers": self.expected_strangers,
            "pairs": [asdict(pair) for pair in self.close.pairs],
            "same_photo": [{"photo": one.photo, "person": one.person} for one in self.same_photo],
            "cells_not_measured": list(self.floors.borrowed),
        }


def find_duplicates(settings: Settings, most: int, gallery: str | None = None) -> Duplicates:
    """Compare everybody in the gallery of the snapshot that serves with everybody else; seconds for 13,000 people.

    Raises:
        SnapshotError: none serves, whose calibration could say what is close.
        CalibrationError: neither it nor its pack has any threshold.
        GalleryError: the gallery is damaged.
    """
    from hadir.app.enrolment import PHOTO_OF_ANOTHER

    served = serving_of(settings, resolve(Path(settings.stores.snapshots)))
    place = only_gallery(gallery_root(settings, gallery), served.pack.embedding_space)
    floors = floors_of(served.snapshot.calibration.table, served.pack.thresholds)
    people = by_person(place.templates())
    sizes = Counter(min(len(photos), MOST) - 1 for photos in people.values())
    same_photo = tuple(one for one in Refusals(place.storage).all() if one.reason == PHOTO_OF_ANOTHER)
    return Duplicates(
        find_close_pairs(people, floors.similarity, most), len(people), _expected(sizes, floors), floors, same_photo
    )


def floors_of(snapshot: ThresholdTable, pack: ThresholdTable) -> Floors:
    """The strictest rate that was measured for each pair of numbers of photos, and the similarity that it means.

    Raises:
        CalibrationError: nothing was measured at all.
    """
    similarity = np.full((MOST, MOST), np.nan, dtype=np.float32)
    fmr = np.full((MOST, MOST), np.nan)
    for one in range(MOST):
        for other in range(MOST):
            cells = f"{one + 1}/{other + 1}", f"{other + 1}/{one + 1}"
            for rate in RATES:  # from loose to strict: the last one stays
                known = [snapshot.get(rate, cell) or pack.get(rate, cell) for cell in cells]
                if all(threshold is not None for threshold in known):
                    similarity[one, other] = max(threshold for threshold in known if threshold is not None)
                    fmr[one, other] = float(rate)
    unknown = np.isnan(similarity)
    if unknown.all():
        raise CalibrationError("neither the snapshot nor its pack has a threshold at any rate: calibrate first")
    borrowed = tuple(f"{one + 1}/{other + 1}" for one, other in np.argwhere(unknown))
    return Floors(
        np.where(unknown, np.nanmax(similarity), similarity), np.where(unknown, np.nanmax(fmr), fmr), borrowed
    )


def _expected(sizes: Counter[int], floors: Floors) -> float:
    """Pairs of people by their numbers of photos, each at its rate."""
    total = 0.0
    for one in range(MOST):
        for other in range(one, MOST):
            pairs = sizes[one] * (sizes[one] - 1) / 2 if one == other else sizes[one] * sizes[other]
            total += pairs * float(floors.fmr[one, other])
    return total
