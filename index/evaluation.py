"""How often a pack mistakes: equal error rate, false non-matches at fixed false match rates, intervals, DET curve.

All pairs are compared. Impostor scores are counted on the grid of `score_histogram`, so 13,000 images need no more
memory than 600; an error rate at a grid similarity is an exact count. A comparison passes when its similarity is >= the
threshold. Only vectors of real people may come here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from hadir.core.errors import InputError
from hadir.core.thresholds import RATES, ThresholdTable, cell_of
from hadir.core.vectors import Vectors
from hadir.index.calibration import ERRORS_WANTED, Interval
from hadir.index.comparisons import Comparisons, compare_all, compare_templates
from hadir.index.fnmr_bootstrap import TAIL_SHARE, fnmr_intervals
from hadir.index.score_histogram import (
    BIN_WIDTH,
    BINS,
    Counts,
    ScoreShape,
    count_scores,
    reached,
    shape_of,
    similarity_at,
)
from hadir.index.scores import Scored, impostor_tail, score

__all__ = ["EVALUATED_RATES", "Accuracy", "DetPoint", "assess", "evaluate", "lay_out", "stranger_rate"]

EVALUATED_RATES = ("1e-2", "1e-3", "1e-4")
MOST_DET_POINTS = 200


@dataclass(frozen=True, slots=True)
class DetPoint:
    """Both error rates, fractions, at one similarity (a z where scores are normalised)."""

    similarity: float
    fmr: float
    fnmr: float


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Rates are fractions. A rate that the impostor pairs cannot support (fewer than 30/rate) is None in every map.

    Where scores were normalised, every similarity here is an AS-norm z.
    """

    people: int
    images: int
    photos_per_template: int
    photos_per_probe: int
    genuine_pairs: int
    impostor_pairs: int
    eer: float
    fnmr_at_fmr: dict[str, float | None]
    fnmr_ci95: dict[str, Interval | None]
    similarity_at_fmr: dict[str, float | None]
    det: tuple[DetPoint, ...]
    shape: ScoreShape


def evaluate(
    vectors: Vectors,
    labels: Sequence[str],
    photos_per_template: int = 1,
    rates: Sequence[str] = EVALUATED_RATES,
    seed: int = 0,
    *,
    photos_per_probe: int = 1,
) -> Accuracy:
    """Lay out and assess in one step. Raises what `lay_out` raises."""
    return assess(lay_out(vectors, labels, photos_per_template, photos_per_probe), rates, seed)


def lay_out(
    vectors: Vectors, labels: Sequence[str], photos_per_template: int = 1, photos_per_probe: int = 1
) -> Comparisons:
    """What (N, D) unit vectors of real photos are compared with; `labels` are parallel and say whose photo each is.

    With one photo on both sides every photo is compared with every other. Else the first K photos of a person, in the
    order given, are fused into a template, and probes fused of P photos each that are in no template are compared with
    all templates. People are numbered in the order of their sorted labels.

    Raises:
        InputError: no two photos of one person can be compared, or no two of different people.
    """
    for photos, side in ((photos_per_template, "template"), (photos_per_probe, "probe")):
        if photos < 1:
            raise InputError(f"{photos} photos per {side}, expected at least 1")
    names, inverse = np.unique(np.asarray(labels, dtype=str), return_inverse=True)
    owners = inverse.astype(np.int32)
    if photos_per_template == photos_per_probe == 1:
        compared = compare_all(vectors, owners)
    else:
        compared = compare_templates(vectors, owners, photos_per_template, photos_per_probe)
    if compared.genuine_pairs == 0 or compared.impostor_pairs == 0:
        enough = photos_per_template + photos_per_probe - 1
        raise InputError(
            f"{len(names)} people with {len(labels)} photos give {compared.genuine_pairs} pairs of one person and "
            f"{compared.impostor_pairs} of two: give two people or more, one with over {enough} photo(s)"
        )
    return compared


def assess(
    compared: Comparisons, rates: Sequence[str] = EVALUATED_RATES, seed: int = 0, scored: Scored | None = None
) -> Accuracy:
    """Score everything, unless it is `scored`. There must be genuine and impostor comparisons."""
    scored = score(compared) if scored is None else scored
    counts = count_scores(scored.genuine)
    curve = _Curve(reached(counts), reached(scored.impostor))
    supported = [rate for rate in rates if compared.impostor_pairs * float(rate) >= ERRORS_WANTED - 1e-9]
    thresholds = {rate: similarity_at(curve.impostor, float(rate)) for rate in supported}
    intervals = _intervals(compared, scored, supported, seed)
    unit = compared.unit
    return Accuracy(
        people=compared.people,
        images=compared.photos,
        photos_per_template=compared.template_rows.shape[1],
        photos_per_probe=compared.probe_rows.shape[1],
        genuine_pairs=compared.genuine_pairs,
        impostor_pairs=compared.impostor_pairs,
        eer=curve.equal_error_rate(),
        fnmr_at_fmr={rate: curve.at(thresholds[rate]).fnmr if rate in supported else None for rate in rates},
        fnmr_ci95={rate: intervals.get(rate) for rate in rates},
        similarity_at_fmr={rate: thresholds[rate] * unit if rate in supported else None for rate in rates},
        det=tuple(DetPoint(p.similarity * unit, p.fmr, p.fnmr) for p in curve.points()),
        shape=shape_of(counts, scored.impostor, unit),
    )


def stranger_rate(
    similarity: float, table: ThresholdTable, probe_photos: int = 1, template_photos: int = 1
) -> float | None:
    """How often a stranger scores this high: the smallest supported rate whose threshold `similarity` reaches.

    Say "1 time in N or less", N = 1 / rate. None where even the loosest rate's threshold is not reached; nothing is
    extrapolated beyond the rates that the table supports.
    """
    cell = cell_of(probe_photos, template_photos)
    thresholds = {rate: table.get(rate, cell) for rate in RATES}
    return min((float(rate) for rate, t in thresholds.items() if t is not None and similarity >= t), default=None)


@dataclass(frozen=True, slots=True, eq=False)
class _Curve:
    """How many scores reach each grid similarity, (BINS,) each."""

    genuine: Counts
    impostor: Counts

    def at(self, similarity: float) -> DetPoint:
        """The error rates with this threshold, which lies on the grid."""
        place = round((similarity + 1) / BIN_WIDTH)
        genuine, impostor = (int(c[place]) if place < BINS else 0 for c in (self.genuine, self.impostor))
        all_genuine, all_impostor = int(self.genuine[0]), int(self.impostor[0])
        return DetPoint(similarity, fmr=impostor / all_impostor, fnmr=(all_genuine - genuine) / all_genuine)

    def equal_error_rate(self) -> float:
        """Where the two rates come closest: their mean."""
        fmr = self.impostor / self.impostor[0]
        fnmr = 1 - self.genuine / self.genuine[0]
        place = int(np.argmin(np.abs(fmr - fnmr)))
        return float((fmr[place] + fnmr[place]) / 2)

    def points(self) -> tuple[DetPoint, ...]:
        """The DET curve at similarities whose FMR is evenly spread over a logarithmic axis, ascending."""
        wanted = np.geomspace(1 / int(self.impostor[0]), 1, MOST_DET_POINTS).tolist()
        return tuple(self.at(similarity) for similarity in sorted({similarity_at(self.impostor, r) for r in wanted}))


def _intervals(compared: Comparisons, scored: Scored, rates: Sequence[str], seed: int) -> dict[str, Interval]:
    if not rates:
        return {}
    numbers = [float(rate) for rate in rates]
    share = min(1.0, TAIL_SHARE * max(numbers))
    tail = impostor_tail(compared, similarity_at(reached(scored.impostor), share))
    return dict(zip(rates, fnmr_intervals(compared, scored, tail, numbers, seed), strict=True))
