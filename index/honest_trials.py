"""Honest trials: each photo of a person against the template of the same person's other photos, in two spaces at once.

Both sides answer for the same photos, so that their difference is not one of samples. A photo that the side before
could use and the side after could not is a miss of the latter: an honest person would have been turned away.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, fuse

__all__ = ["Photos", "Side", "Trials", "honest_trials"]

Photos = Mapping[str, Mapping[str, NDArray[np.float32]]]
"""Person to photo id to vector, (D,) float32 unit norm."""

Judge = Callable[[Vectors, Vectors, NDArray[np.int64], list[str]], NDArray[np.bool_]]
"""Probes (N, D), templates (N, D), from how many photos each was fused (N,), whose they are: which of them pass."""


@dataclass(frozen=True, slots=True)
class Side:
    """People's photos in one embedding space, and how a comparison is judged there."""

    photos: Photos
    passes: Judge


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """Row by row: which person (numbered from 0), and whether each side missed them."""

    owners: NDArray[np.int64]
    missed_before: NDArray[np.bool_]
    missed_after: NDArray[np.bool_]

    @property
    def count(self) -> int:
        """Photos."""
        return len(self.owners)

    @property
    def people(self) -> int:
        """People."""
        return len(np.unique(self.owners))


def honest_trials(before: Side, after: Side) -> Trials:
    """Every photo that the side before could use, of every person who has another one on both sides."""
    chosen = [
        (person, photo)
        for person in sorted(before.photos.keys() & after.photos.keys())
        for photo in sorted(before.photos[person])
        if all(side.photos[person].keys() - {photo} for side in (before, after))
    ]
    numbers = {person: number for number, person in enumerate(dict.fromkeys(person for person, _ in chosen))}
    owners = np.array([numbers[person] for person, _ in chosen], dtype=np.int64)
    return Trials(owners, _missed(before, chosen), _missed(after, chosen))


def _missed(side: Side, chosen: list[tuple[str, str]]) -> NDArray[np.bool_]:
    missed = np.ones(len(chosen), dtype=np.bool_)
    usable = [row for row, (person, photo) in enumerate(chosen) if photo in side.photos[person]]
    if not usable:
        return missed
    probes, templates, counts, people = [], [], [], []
    for person, photo in (chosen[row] for row in usable):
        others = [vector for name, vector in side.photos[person].items() if name != photo]
        probes.append(side.photos[person][photo])
        templates.append(fuse(np.stack(others)))
        counts.append(len(others))
        people.append(person)
    missed[usable] = ~side.passes(np.stack(probes), np.stack(templates), np.array(counts, dtype=np.int64), people)
    return missed
