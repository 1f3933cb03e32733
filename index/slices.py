"""Whether some people are refused, or mistaken for each other, more often: error rates per value of a column.

FNMR of a slice: its people's own comparisons. FMR of a slice: comparisons of two different people who both belong to
it, because impostors are mostly colleagues who resemble (differential performance as ISO/IEC 19795-10 and NIST IR 8280
look at it). Both at the thresholds of everybody: the question is what one threshold does to different people.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.index.calibration import ERRORS_WANTED, Interval
from hadir.index.comparisons import Comparisons, among
from hadir.index.evaluation import Accuracy
from hadir.index.person_bootstrap import Drawn, bound_where_none_seen, draw_people, interval_of, share_of_people
from hadir.index.scores import Scored, Tail, impostor_tail

__all__ = ["FEWEST_PEOPLE", "Slice", "SliceRates", "slices_of"]

FEWEST_PEOPLE = 30
"""A smaller slice is not shown: its rates would say little about the group and much about its members."""


@dataclass(frozen=True, slots=True)
class SliceRates:
    """At the threshold of one FMR of everybody. None: not enough data.

    `fnmr` needs FEWEST_PEOPLE people with comparisons of their own, `fmr` 30/rate comparisons within the slice.
    """

    fnmr: float | None
    fnmr_ci95: Interval | None
    fmr: float | None
    fmr_ci95: Interval | None


@dataclass(frozen=True, slots=True)
class Slice:
    """One value of one column. `value` None gathers the people of all `values` that have too few for a slice of their
    own; it has no rates."""

    column: str
    value: str | None
    values: int
    people: int
    genuine_pairs: int
    impostor_pairs: int
    at_fmr: Mapping[str, SliceRates]


def slices_of(
    compared: Comparisons,
    scored: Scored,
    accuracy: Accuracy,
    columns: Mapping[str, Sequence[str | None]],
    seed: int = 0,
) -> tuple[Slice, ...]:
    """Every column's values in order, then what was too small. `columns`: name to a value per person (None: unknown,
    in no slice)."""
    thresholds = {r: s / compared.unit for r, s in accuracy.similarity_at_fmr.items() if s is not None}
    tails = impostor_tail(compared, min(thresholds.values())) if thresholds else None
    draws = draw_people(compared.people, seed)
    found = []
    for column, values in columns.items():
        small: list[NDArray[np.bool_]] = []
        for value in sorted({v for v in values if v is not None}):
            members = np.array([v == value for v in values], dtype=bool)
            if int(members.sum()) < FEWEST_PEOPLE:
                small.append(members)
                continue
            found.append(
                _slice(compared, scored, thresholds, tails, draws, column=column, value=value, members=members)
            )
        if small:
            people = int(np.any(small, axis=0).sum())
            found.append(Slice(column, None, len(small), people, 0, 0, {}))
    return tuple(found)


def _slice(
    compared: Comparisons,
    scored: Scored,
    thresholds: Mapping[str, float],
    tail: Tail | None,
    draws: list[Drawn],
    *,
    column: str,
    value: str,
    members: NDArray[np.bool_],
) -> Slice:
    within = among(compared, members)
    own = members[scored.genuine_owners]
    genuine, owners = scored.genuine[own], scored.genuine_owners[own]
    impostors = within.impostor_pairs
    at_fmr = {}
    for rate, threshold in thresholds.items():
        fnmr, fnmr_ci95 = _fnmr(genuine < threshold, owners, draws)
        fmr, fmr_ci95 = None, None
        if tail is not None and impostors * float(rate) >= ERRORS_WANTED - 1e-9:
            passing = (tail.scores >= threshold) & members[tail.probe_owners] & members[tail.template_owners]
            fmr, fmr_ci95 = _fmr(within, tail.take(np.flatnonzero(passing)), draws)
        at_fmr[rate] = SliceRates(fnmr, fnmr_ci95, fmr, fmr_ci95)
    return Slice(column, value, 1, int(members.sum()), len(genuine), impostors, at_fmr)


def _fnmr(
    refused: NDArray[np.bool_], owners: NDArray[np.int32], draws: list[Drawn]
) -> tuple[float | None, Interval | None]:
    people = len(np.unique(owners))
    if people < FEWEST_PEOPLE:
        return None, None
    interval = interval_of(draws, share_of_people(refused, owners))
    return float(refused.mean()), bound_where_none_seen(interval, people)


def _fmr(within: Comparisons, passing: Tail, draws: list[Drawn]) -> tuple[float, Interval | None]:
    """A comparison counts with the product of how often its two people were drawn."""

    def rate(drawn: Drawn) -> float:
        weight = within.impostor_weight(drawn)
        passed = float((drawn[passing.probe_owners] * drawn[passing.template_owners]).sum())
        return passed / weight if weight > 0 else math.nan

    people = int(((within.probe_counts > 0) | (within.template_counts > 0)).sum())
    return len(passing.scores) / within.impostor_pairs, bound_where_none_seen(interval_of(draws, rate), people)
