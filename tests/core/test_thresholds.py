"""A rate becomes a similarity by the snapshot, then the pack, then the pack's strictest cell, else not at all."""

from __future__ import annotations

import math

import pytest

from hadir.core.errors import CalibrationError
from hadir.core.evidence import AppliedThreshold, Candidate
from hadir.core.thresholds import Thresholds, ThresholdTable, cell_of, rate_key

SNAPSHOT = ThresholdTable({"1e-2": {"1/1": 0.5, "1/2": None}})
PACK = ThresholdTable({"1e-2": {"1/1": 0.4, "1/2": 0.6, "1/3": 0.7, "1/4": None}, "1e-3": {"1/1": 0.8}})


@pytest.mark.parametrize(
    ("fmr", "probe", "template", "similarity", "source"),
    [
        (1e-2, 1, 1, 0.5, "snapshot"),
        (1e-2, 1, 2, 0.6, "pack"),
        (1e-2, 1, 9, 0.7, "pack:highest"),
        (1e-2, 4, 4, 0.7, "pack:highest"),
        (1e-3, 2, 2, 0.8, "pack:highest"),
        (1e-4, 1, 1, None, "none"),
    ],
)
def test_the_most_specific_table_serves(
    fmr: float, probe: int, template: int, similarity: float | None, source: str
) -> None:
    applied = Thresholds(SNAPSHOT, PACK).at(fmr, probe, template)
    assert (applied.similarity, applied.source) == (similarity, source)


def test_four_stands_for_four_or_more() -> None:
    assert cell_of(7, 5) == "4/4"


def test_no_comparison_without_photos() -> None:
    with pytest.raises(ValueError, match="0 against 1"):
        cell_of(0, 1)


def test_an_unsupported_rate_is_named() -> None:
    with pytest.raises(CalibrationError, match=r"accept_fmr = 1e-05"):
        Thresholds(SNAPSHOT, PACK).require(1e-5, "accept_fmr")


def test_a_rate_off_the_grid_names_its_neighbour() -> None:
    with pytest.raises(CalibrationError, match="nearest is 1e-3"):
        rate_key(0.0011)


Z = ThresholdTable({"1e-2": {"1/1": 0.3, "2/1": None}, "1e-3": {"1/1": 2.1}})


@pytest.mark.parametrize(
    ("fmr", "photos", "z", "table", "scale"),
    [
        (1e-3, 1, 1.5, Z, "as-norm"),
        (1e-3, 2, 1.5, Z, "cosine"),
        (1e-4, 1, 1.5, Z, "cosine"),
        (1e-3, 1, None, Z, "cosine"),
        (1e-3, 1, math.nan, Z, "cosine"),
        (1e-3, 1, 1.5, None, "cosine"),
    ],
)
def test_a_comparison_is_judged_normalised_only_where_the_snapshot_supports_its_cell(
    fmr: float, photos: int, z: float | None, table: ThresholdTable | None, scale: str
) -> None:
    thresholds = Thresholds(SNAPSHOT, PACK, table)
    assert thresholds.scale(fmr, photos, Candidate("a", 0.9, 1, normalised=z)) == scale


def test_no_pack_stands_in_for_a_normalised_threshold() -> None:
    found = Thresholds(SNAPSHOT, PACK, Z).at(1e-3, 1, 1, "as-norm")
    assert (found.similarity, found.source, found.scale) == (2.1, "snapshot", "as-norm")
    missing = Thresholds(SNAPSHOT, PACK, Z).at(1e-2, 2, 1, "as-norm")
    assert (missing.similarity, missing.source, missing.scale) == (None, "none", "as-norm")
    assert Thresholds(SNAPSHOT, PACK, Z).at(1e-3, 1, 1).similarity == 0.8


def test_a_threshold_takes_the_score_of_its_own_scale() -> None:
    other = Candidate("a", 0.9, 1, normalised=1.5)
    assert AppliedThreshold(1e-3, "1/1", 0.5, "pack").score(other) == 0.9
    assert AppliedThreshold(1e-3, "1/1", 2.1, "snapshot", "as-norm").score(other) == 1.5
