"""A rate becomes a similarity by the snapshot, then the pack, then the pack's strictest cell, else not at all."""

from __future__ import annotations

import pytest

from hadir.core.errors import CalibrationError
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
