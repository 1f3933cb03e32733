"""What it costs to wear something: error rates of occluded probes at the thresholds of plain ones."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hadir.index.calibration import Interval
from hadir.index.comparisons import Comparisons
from hadir.index.evaluation import Accuracy, assess
from hadir.index.person_bootstrap import Drawn, bound_where_none_seen, draw_people, interval_of, share_of_people
from hadir.index.score_histogram import BIN_WIDTH, reached
from hadir.index.scores import Scored, score

__all__ = ["Occluded", "WornRates", "assess_occluded"]


@dataclass(frozen=True, slots=True)
class WornRates:
    """At the plain threshold of one FMR. Fractions, 95 % intervals over people.

    `ratio`: FNMR over the plain FNMR at the same threshold; None where no plain comparison fails, its interval's upper
    end None where some draw holds no plain failure. `false_rejections` counts the comparisons whose face was lost as
    failures too. `fmr`: how many strangers pass.
    """

    fnmr: float
    fnmr_ci95: Interval | None
    ratio: float | None
    ratio_ci95: tuple[float, float | None] | None
    false_rejections: float
    fmr: float


@dataclass(frozen=True, slots=True)
class Occluded:
    """`accuracy`: the worn photos on their own, each rate at its own threshold. `lost`: comparisons of one person that
    could not be made because no face was found. `at_plain_threshold` holds the rates that the plain pairs support."""

    accuracy: Accuracy
    lost: int
    at_plain_threshold: Mapping[str, WornRates]


def assess_occluded(plain: Scored, accuracy: Accuracy, compared: Comparisons, seed: int = 0) -> Occluded:
    """`plain` and its `accuracy`, against the same comparisons as made by `worn`.

    There must be genuine and impostor comparisons left.
    """
    scored = score(compared)
    draws = draw_people(compared.people, seed)
    expected = len(plain.genuine) * (2 if compared.apart else 1)
    lost = expected - len(scored.genuine)
    reaching = reached(scored.impostor)
    at = {}
    for rate, similarity in accuracy.similarity_at_fmr.items():
        if similarity is None:
            continue
        threshold = similarity / compared.unit
        place = min(round((threshold + 1) / BIN_WIDTH), len(reaching) - 1)
        fmr = int(reaching[place]) / int(reaching[0])
        at[rate] = _rates(plain, scored, threshold, draws, lost=lost, fmr=fmr)
    return Occluded(assess(compared, tuple(accuracy.fnmr_at_fmr), seed, scored), lost, at)


def _rates(plain: Scored, worn: Scored, threshold: float, draws: list[Drawn], *, lost: int, fmr: float) -> WornRates:
    refused, before = worn.genuine < threshold, plain.genuine < threshold
    of_worn = share_of_people(refused, worn.genuine_owners)
    of_plain = share_of_people(before, plain.genuine_owners)

    def ratio_of(drawn: Drawn) -> float:
        now, then = of_worn(drawn), of_plain(drawn)
        if math.isnan(now) or math.isnan(then) or now == then == 0:
            return math.nan
        return now / then if then else math.inf

    fnmr, people = float(refused.mean()), len(np.unique(worn.genuine_owners))
    ratio = fnmr / float(before.mean()) if before.any() else None
    ends = interval_of(draws, ratio_of) if ratio is not None else None
    return WornRates(
        fnmr,
        bound_where_none_seen(interval_of(draws, of_worn), people),
        ratio,
        None if ends is None else (ends[0], None if math.isinf(ends[1]) else ends[1]),
        (int(refused.sum()) + lost) / (len(refused) + lost),
        fmr,
    )
