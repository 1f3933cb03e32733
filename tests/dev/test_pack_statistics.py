"""What the manifest says about vectors is computed as its docstrings say, each person counting once."""

from __future__ import annotations

import io

import numpy as np
import pytest

from dev.held_out import held_out_rates
from dev.pack_statistics import calibration_report, error_report, moments, statistics_npz
from hadir.core.thresholds import CELLS, ThresholdTable
from hadir.core.vectors import Vectors, normalise


def _people(count: int, photos: int, spread: float, seed: int = 1) -> dict[str, Vectors]:
    random = np.random.default_rng(seed)
    return {
        f"person {number:03d}": normalise(random.normal(size=16) + spread * random.normal(size=(photos, 16)))
        for number in range(count)
    }


def test_a_person_of_many_photos_weighs_no_more_than_one_of_a_single_photo() -> None:
    people = _people(40, 1, 0.1)
    mean, covariance = moments(people)
    crowded = {
        person: np.repeat(vectors, 5, axis=0) if person.endswith("7") else vectors for person, vectors in people.items()
    }
    for one, other in zip(moments(crowded), (mean, covariance), strict=True):
        np.testing.assert_array_equal(one, other)
    first = np.stack([vectors[0] for vectors in people.values()]).astype(np.float64)
    np.testing.assert_allclose(covariance, np.cov(first.T))


def test_statistics_hold_mean_and_covariance_of_every_precision_in_double_precision() -> None:
    people = _people(30, 2, 0.1)
    with np.load(io.BytesIO(statistics_npz({"int8": people, "fp16": people})), allow_pickle=False) as stored:
        assert set(stored) == {"mean_int8", "covariance_int8", "mean_fp16", "covariance_fp16"}
        assert stored["covariance_int8"].shape == (16, 16)
        assert stored["mean_fp16"].dtype == np.float64


def test_comparisons_and_intervals_stand_beside_the_thresholds() -> None:
    calibration, report = calibration_report(_people(60, 3, 0.2))
    comparisons, intervals = report["comparisons"], report["interval95"]
    assert isinstance(comparisons, dict)
    assert isinstance(intervals, dict)
    assert comparisons["1/1"] == 180 * 59
    assert comparisons["4/4"] == 0
    assert calibration.table.get("1e-3", "4/4") is None
    low, high = intervals["1e-2"]["1/1"]
    threshold = calibration.table.get("1e-2", "1/1")
    assert threshold is not None
    assert low < threshold < high


def test_error_rates_stop_at_the_template_that_leaves_nobody_a_photo() -> None:
    report = error_report(_people(30, 3, 0.2))
    assert list(report) == ["photos_per_template 1", "photos_per_template 2"]
    assert report["photos_per_template 1"]["genuine_pairs"] == 30 * 3
    assert report["photos_per_template 2"]["genuine_pairs"] == 30


@pytest.mark.parametrize(("similarity", "fmr", "fnmr"), [(-1.0, 1.0, 0.0), (1.1, 0.0, 1.0)])
def test_held_out_rates_are_shares_of_strangers_passed_and_owners_refused(
    similarity: float, fmr: float, fnmr: float
) -> None:
    table = ThresholdTable({"1e-2": dict.fromkeys(CELLS, similarity)})
    single, fused = held_out_rates(_people(10, 4, 0.2), table, ["1e-2", "1e-3"])
    assert (single.genuine, single.impostors) == (30, 270)
    assert (fused.photos, fused.genuine, fused.impostors) == (3, 10, 90)
    assert (single.fmr, single.fnmr, fused.fmr, fused.fnmr) == (fmr, fnmr, fmr, fnmr)
