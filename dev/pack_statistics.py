"""What the manifest says about vectors: where real ones lie, what similarity a rate means, how often the pack errs."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray

from dev.held_out import held_out_rates
from dev.identify_margin import measure_margins
from hadir.core.vectors import Vectors
from hadir.index.calibration import Calibration, Interval, impostor_table
from hadir.index.evaluation import evaluate

__all__ = [
    "REPORTED_RATES",
    "calibration_report",
    "error_report",
    "held_out_report",
    "margin_report",
    "moments",
    "statistics_npz",
]

REPORTED_RATES = ("1e-2", "1e-3", "1e-4")
"""Whose intervals go into the manifest: those that a policy for this pack names."""

TEMPLATE_PHOTOS = (1, 2, 3)


def moments(people: Mapping[str, Vectors]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean (D,) and covariance (D, D) of one photo per person, the first: so that no person counts twice."""
    first = np.stack([people[person][0] for person in sorted(people)]).astype(np.float64)
    covariance: NDArray[np.float64] = np.cov(first, rowvar=False)
    return first.mean(axis=0), covariance


def statistics_npz(vectors: Mapping[str, Mapping[str, Vectors]]) -> bytes:
    """Keys `mean_<precision>` and `covariance_<precision>`, float64.

    `vectors` is precision to person to (photos, D) unit float32.
    """
    arrays: dict[str, NDArray[np.float64]] = {}
    for precision, people in vectors.items():
        arrays[f"mean_{precision}"], arrays[f"covariance_{precision}"] = moments(people)
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    return buffer.getvalue()


def calibration_report(people: Mapping[str, Vectors]) -> tuple[Calibration, dict[str, object]]:
    """The pack's thresholds by the product's own definition, and what they rest on: comparisons and intervals."""
    calibration = impostor_table(people)
    comparisons = {cell: figures.comparisons for cell, figures in calibration.cells.items()}
    intervals = {
        rate: {cell: [round(end, 5) for end in interval] for cell, interval in cells.items() if interval is not None}
        for rate, cells in calibration.interval95.items()
        if rate in REPORTED_RATES
    }
    return calibration, {"comparisons": comparisons, "interval95": intervals}


def margin_report(people: Mapping[str, Vectors], calibration: Calibration) -> list[dict[str, object]]:
    """What every margin costs and buys, for the manifest."""
    return [_plain(asdict(figures)) for figures in measure_margins(people, calibration.table)]


def held_out_report(people: Mapping[str, Vectors], calibration: Calibration) -> list[dict[str, object]]:
    """The error rates of other people at the calibrated thresholds, for the manifest."""
    return [_plain(asdict(figures)) for figures in held_out_rates(people, calibration.table, REPORTED_RATES)]


def error_report(people: Mapping[str, Vectors]) -> dict[str, dict[str, object]]:
    """Error rates with templates of one, two and three photos, as far as anybody has one more to compare with them."""
    labels = [person for person in sorted(people) for _ in people[person]]
    vectors = np.concatenate([people[person] for person in sorted(people)])
    most = max(len(photos) for photos in people.values())
    return {
        f"photos_per_template {count}": _accuracy(vectors, labels, count) for count in TEMPLATE_PHOTOS if count < most
    }


def _accuracy(vectors: Vectors, labels: Sequence[str], photos_per_template: int) -> dict[str, object]:
    accuracy = evaluate(vectors, labels, photos_per_template)
    figures = {
        "genuine_pairs": accuracy.genuine_pairs,
        "impostor_pairs": accuracy.impostor_pairs,
        "eer": round(accuracy.eer, 5),
    }
    by_rate = {name: getattr(accuracy, name) for name in ("fnmr_at_fmr", "fnmr_ci95", "similarity_at_fmr")}
    return {**figures, **{name: _rounded(values) for name, values in by_rate.items()}}


def _rounded(values: Mapping[str, float | Interval | None]) -> dict[str, float | list[float] | None]:
    return {
        rate: [round(end, 5) for end in value]
        if isinstance(value, tuple)
        else None
        if value is None
        else round(value, 5)
        for rate, value in values.items()
    }


def _plain(figures: Mapping[str, object]) -> dict[str, object]:
    return {key: round(value, 5) if isinstance(value, float) else value for key, value in figures.items()}
