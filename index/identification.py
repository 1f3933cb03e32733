"""Searching everybody: how often a search misses the person (FNIR) and how often it names a stranger (FPIR).

ISO/IEC 19795-1 (open-set identification) and NIST's FRTE 1:N: FNIR(T) is the share of mated searches in which the
person does not come first with a similarity of at least T; FPIR(T) the share of searches of people who are *not*
enrolled that return anybody at T. With a margin, a search names its first only where it is ahead of the second by that
much, as a check-in's `impostor_suspected` demands.

Half of the people (by a fixed seed) are enrolled with K photos each; searches of their other photos are mated. All
photos of the other half, and of those with too few to be enrolled, are searches of people who are not there. Then the
halves change places, so that everybody is both, and FPIR rests on every photo. FPIR grows with the number of people
enrolled: the rates hold for a gallery of the size given and no other. Scores are cosines.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors
from hadir.index.calibration import ERRORS_WANTED, Interval
from hadir.index.comparisons import Comparisons, compare_templates
from hadir.index.person_bootstrap import Drawn, bound_where_none_seen, draw_people, interval_of
from hadir.index.score_histogram import MOST_SCORES, count_scores, reached, similarity_at

__all__ = ["SEARCH_RATES", "Identification", "SearchRates", "identify"]

SEARCH_RATES = ("1e-1", "1e-2", "1e-3")
_NOBODY = -1.0


@dataclass(frozen=True, slots=True)
class SearchRates:
    """Fractions, 95 % intervals over people; None where fewer than 30/FPIR searches are of people not enrolled."""

    fnir_at_fpir: dict[str, float | None]
    fnir_ci95: dict[str, Interval | None]
    similarity_at_fpir: dict[str, float | None]


@dataclass(frozen=True, slots=True)
class Identification:
    """`gallery_people`: enrolled at a time (the smaller half). `first_share`: mated searches in which the right person
    comes first, whatever the similarity. `margin` is a cosine."""

    gallery_people: int
    mated_searches: int
    non_mated_searches: int
    first_share: float
    plain: SearchRates
    margin: float
    with_margin: SearchRates


@dataclass(frozen=True, slots=True, eq=False)
class _Searches:
    """(S,) each: who was searched, the similarity to their own template (NaN where not enrolled), to the best other
    template and to the second-best other."""

    owners: NDArray[np.int32]
    own: NDArray[np.float32]
    best: NDArray[np.float32]
    second: NDArray[np.float32]


def identify(
    vectors: Vectors,
    labels: Sequence[str],
    photos_per_template: int = 1,
    photos_per_probe: int = 1,
    *,
    margin: float,
    rates: Sequence[str] = SEARCH_RATES,
    seed: int = 0,
) -> Identification | None:
    """Enrol, search, change halves, search again. None where a half would have fewer than three people enrolled, or no
    photo is left to search with."""
    names, inverse = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    owners = inverse.astype(np.int32)
    enrolled = np.random.default_rng(seed).permutation(len(names)) < (len(names) + 1) // 2
    folds = [_fold(vectors, owners, side, photos_per_template, photos_per_probe) for side in (enrolled, ~enrolled)]
    if any(fold is None for fold in folds):
        return None
    found = _joined([fold for fold in folds if fold is not None])
    mated = ~np.isnan(found.searches.own)
    if not mated.any() or mated.all():
        return None
    draws = draw_people(len(names), seed)
    first = found.searches.own[mated] > found.searches.best[mated]
    return Identification(
        gallery_people=found.gallery_people,
        mated_searches=int(mated.sum()),
        non_mated_searches=int((~mated).sum()),
        first_share=float(first.mean()),
        plain=_rates(found.searches, 0.0, rates, draws),
        margin=margin,
        with_margin=_rates(found.searches, margin, rates, draws),
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Fold:
    searches: _Searches
    gallery_people: int


def _fold(
    vectors: Vectors, owners: NDArray[np.int32], enrolled: NDArray[np.bool_], photos: int, per_probe: int
) -> _Fold | None:
    """One half enrolled, both halves searching."""
    inside = enrolled[owners]
    of_enrolled = compare_templates(vectors[inside], owners[inside], photos, per_probe)
    strangers = compare_templates(vectors[~inside], owners[~inside], photos=len(owners) + 1, photos_per_probe=per_probe)
    if len(of_enrolled.templates) < 3:
        return None
    parts = [_search(of_enrolled, probes.probes, probes.probe_owners) for probes in (of_enrolled, strangers)]
    return _Fold(_concatenated(parts), len(of_enrolled.templates))


def _search(gallery: Comparisons, probes: Vectors, owners: NDArray[np.int32]) -> _Searches:
    own, best, second = (np.full(len(probes), np.nan, dtype=np.float32) for _ in range(3))
    step = max(1, MOST_SCORES // len(gallery.templates))
    for start in range(0, len(probes), step):
        part = slice(start, start + step)
        scores = probes[part] @ gallery.templates.T
        row, column = np.nonzero(owners[part][:, None] == gallery.template_owners[None, :])
        own[start + row] = scores[row, column]
        scores[row, column] = -np.inf
        scores.partition(scores.shape[1] - 2, axis=1)
        best[part], second[part] = scores[:, -1], scores[:, -2]
    return _Searches(owners, own, best, second)


def _joined(folds: Sequence[_Fold]) -> _Fold:
    return _Fold(_concatenated([fold.searches for fold in folds]), min(fold.gallery_people for fold in folds))


def _concatenated(parts: Sequence[_Searches]) -> _Searches:
    return _Searches(
        np.concatenate([part.owners for part in parts]),
        np.concatenate([part.own for part in parts]),
        np.concatenate([part.best for part in parts]),
        np.concatenate([part.second for part in parts]),
    )


def _rates(found: _Searches, margin: float, rates: Sequence[str], draws: list[Drawn]) -> SearchRates:
    """What a search is worth: the similarity of its first where it is ahead by the margin, -1 where it names nobody."""
    mated = ~np.isnan(found.own)
    ahead = found.own[mated] - found.best[mated]
    hit = (ahead > 0) & (ahead >= margin)
    hits = np.where(hit, found.own[mated], _NOBODY).astype(np.float32)
    named = found.best[~mated] - found.second[~mated] >= margin
    alarms = np.where(named, found.best[~mated], _NOBODY).astype(np.float32)
    reaching = reached(count_scores(alarms))
    supported = [rate for rate in rates if len(alarms) * float(rate) >= ERRORS_WANTED - 1e-9]
    thresholds = {rate: similarity_at(reaching, float(rate)) for rate in supported}
    people = len(np.unique(found.owners[mated]))
    draw = _Redrawn(hits, found.owners[mated], alarms, found.owners[~mated])
    intervals = {rate: bound_where_none_seen(interval_of(draws, draw.at(float(rate))), people) for rate in supported}
    return SearchRates(
        {rate: float((hits < thresholds[rate]).mean()) if rate in supported else None for rate in rates},
        {rate: intervals.get(rate) for rate in rates},
        {rate: thresholds.get(rate) for rate in rates},
    )


class _Redrawn:
    """FNIR at an FPIR among people drawn anew; the gallery stays."""

    def __init__(
        self,
        hits: NDArray[np.float32],
        hit_owners: NDArray[np.int32],
        alarms: NDArray[np.float32],
        alarm_owners: NDArray[np.int32],
    ) -> None:
        up, down = np.argsort(hits, kind="stable"), np.argsort(-alarms, kind="stable")
        self._hits, self._hit_owners = hits[up], hit_owners[up]
        self._alarms, self._alarm_owners = alarms[down], alarm_owners[down]

    def at(self, rate: float) -> _At:
        return _At(self, rate)

    def fnir(self, drawn: Drawn, rate: float) -> float:
        alarms, mated = np.cumsum(drawn[self._alarm_owners]), np.cumsum(drawn[self._hit_owners])
        if not (alarms[-1] > 0 and mated[-1] > 0):
            return math.nan
        refused_alarm = min(int(np.searchsorted(alarms, rate * alarms[-1], side="right")), len(alarms) - 1)
        missed = int(np.searchsorted(self._hits, self._alarms[refused_alarm], side="right"))
        return float(mated[missed - 1] / mated[-1]) if missed else 0.0


@dataclass(frozen=True, slots=True)
class _At:
    searches: _Redrawn
    rate: float

    def __call__(self, drawn: Drawn) -> float:
        return self.searches.fnir(drawn, self.rate)
