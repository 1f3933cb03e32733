"""Whom to look at: the closest pairs of different people, and the people who resemble themselves least."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.index.comparisons import Comparisons
from hadir.index.score_histogram import reached, similarity_at
from hadir.index.scores import Scored, impostor_tail

__all__ = ["MOST_SHOWN", "ClosePair", "WeakPerson", "closest_impostors", "weakest_people"]

MOST_SHOWN = 20
"""As many rows as a person reads."""


@dataclass(frozen=True, slots=True)
class ClosePair:
    """Two people by number, the most similar photos of theirs by row, and how similar: a cosine, or z.

    Twins and other relatives, one person under two ids, a photo in the wrong folder.
    """

    people: tuple[int, int]
    photos: tuple[int, int]
    similarity: float


@dataclass(frozen=True, slots=True)
class WeakPerson:
    """One person by number: their lowest and mean similarity to themselves, and in how many comparisons.

    `photo` is the row that resembles the person's others least: to be replaced by a better one first.
    """

    person: int
    lowest: float
    mean: float
    comparisons: int
    photo: int


def closest_impostors(compared: Comparisons, scored: Scored, most: int = MOST_SHOWN) -> tuple[ClosePair, ...]:
    """The `most` pairs of people with the most similar photos, closest first; every pair of people once."""
    reaching = reached(scored.impostor)
    wanted = 16 * most
    while True:
        share = min(1.0, wanted / max(1, int(reaching[0])))
        tail = impostor_tail(compared, similarity_at(reaching, share))
        tail = tail.take(np.lexsort((tail.templates, tail.probes, -tail.scores)))
        first = _first_of_each_pair(np.column_stack([tail.probe_owners, tail.template_owners]))
        if len(first) >= most or share == 1.0:
            break
        wanted *= 4
    top = tail.take(first[:most])
    return tuple(
        ClosePair(
            (int(top.probe_owners[n]), int(top.template_owners[n])),
            (int(compared.probe_rows[top.probes[n], 0]), int(compared.template_rows[top.templates[n], 0])),
            float(top.scores[n]) * compared.unit,
        )
        for n in range(len(top.scores))
    )


def weakest_people(compared: Comparisons, scored: Scored, most: int = MOST_SHOWN) -> tuple[WeakPerson, ...]:
    """The `most` people with the lowest similarity to themselves, lowest first."""
    lowest = np.full(compared.people, np.inf)
    np.minimum.at(lowest, scored.genuine_owners, scored.genuine)
    counts = np.bincount(scored.genuine_owners, minlength=compared.people)
    sums = np.bincount(scored.genuine_owners, weights=scored.genuine, minlength=compared.people)
    means = _mean_of_each_photo(compared, scored)
    weakest = []
    for person in np.argsort(lowest, kind="stable")[: min(most, int((counts > 0).sum()))].tolist():
        rows = np.flatnonzero(means.owners == person)
        weakest.append(
            WeakPerson(
                person,
                float(lowest[person]) * compared.unit,
                float(sums[person] / counts[person]) * compared.unit,
                int(counts[person]),
                int(rows[np.argmin(means.values[rows])]),
            )
        )
    return tuple(weakest)


@dataclass(frozen=True, slots=True, eq=False)
class _PhotoMeans:
    """(photos,) each: whose, -1 where the photo is in no genuine comparison as a probe, and its mean score."""

    owners: NDArray[np.int64]
    values: NDArray[np.float64]


def _mean_of_each_photo(compared: Comparisons, scored: Scored) -> _PhotoMeans:
    """Of a probe of several photos, every photo has the probe's mean."""
    rows, scores = [], []
    sides = [(compared.probe_rows, scored.probes)]
    if compared.symmetric:
        sides.append((compared.template_rows, scored.templates))
    for side, places in sides:
        rows.append(side[places].ravel())
        scores.append(np.repeat(scored.genuine, side.shape[1]))
    photos, values = np.concatenate(rows), np.concatenate(scores)
    counts = np.bincount(photos, minlength=compared.photos)
    sums = np.bincount(photos, weights=values, minlength=compared.photos)
    owners = np.full(compared.photos, -1, dtype=np.int64)
    owners[compared.probe_rows] = compared.probe_owners[:, None]
    owners[counts == 0] = -1
    return _PhotoMeans(owners, sums / np.maximum(counts, 1))


def _first_of_each_pair(people: NDArray[np.int32]) -> NDArray[np.intp]:
    """Where each unordered pair of (T, 2) people appears first, ascending."""
    _, first = np.unique(np.sort(people, axis=1), axis=0, return_index=True)
    return np.sort(first)
