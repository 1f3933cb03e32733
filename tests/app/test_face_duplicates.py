"""At which similarity two enrolled people are worth a look."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from hadir.app.face_duplicates import _expected, floors_of
from hadir.core.errors import CalibrationError
from hadir.core.thresholds import CELLS, ThresholdTable


def table(known: dict[str, dict[str, float]]) -> ThresholdTable:
    return ThresholdTable({rate: {cell: cells.get(cell) for cell in CELLS} for rate, cells in known.items()})


EMPTY = ThresholdTable({})


def test_the_strictest_rate_that_was_measured_counts() -> None:
    floors = floors_of(table({"1e-3": {"1/1": 0.5}, "1e-5": {"1/1": 0.7}}), EMPTY)
    assert (floors.similarity[0, 0], floors.fmr[0, 0]) == (np.float32(0.7), 1e-5)


def test_the_snapshots_own_figure_goes_before_the_packs() -> None:
    floors = floors_of(table({"1e-3": {"1/1": 0.5}}), table({"1e-3": {"1/1": 0.9}}))
    assert floors.similarity[0, 0] == np.float32(0.5)


def test_the_pack_serves_where_the_snapshot_is_not_strict_enough() -> None:
    floors = floors_of(table({"1e-3": {"1/1": 0.5}}), table({"1e-4": {"1/1": 0.9}}))
    assert (floors.similarity[0, 0], floors.fmr[0, 0]) == (np.float32(0.9), 1e-4)


def test_both_directions_must_be_measured_and_the_higher_one_counts() -> None:
    floors = floors_of(table({"1e-3": {"1/2": 0.5, "2/1": 0.6}, "1e-4": {"1/2": 0.7}}), EMPTY)
    assert floors.similarity[0, 1] == floors.similarity[1, 0] == np.float32(0.6)
    assert floors.fmr[0, 1] == 1e-3


def test_what_was_not_measured_borrows_and_says_so() -> None:
    floors = floors_of(table({"1e-3": {"1/1": 0.5, "2/2": 0.6}}), EMPTY)
    assert floors.similarity[3, 3] == np.float32(0.6)
    assert "4/4" in floors.borrowed
    assert "1/1" not in floors.borrowed


def test_with_nothing_measured_nothing_is_guessed() -> None:
    with pytest.raises(CalibrationError, match="calibrate first"):
        floors_of(EMPTY, EMPTY)


def test_strangers_are_expected_by_the_number_of_pairs() -> None:
    floors = floors_of(table({"1e-3": {"1/1": 0.5, "1/2": 0.5, "2/1": 0.5, "2/2": 0.5}}), EMPTY)
    assert _expected(Counter({0: 10, 1: 5}), floors) == pytest.approx((45 + 50 + 10) * 1e-3)
