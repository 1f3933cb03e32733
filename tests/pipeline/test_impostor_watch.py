"""Live probes against people whom nobody claimed: what is counted, and over how many."""

from __future__ import annotations

import numpy as np
import pytest

from hadir.core.errors import CalibrationError
from hadir.core.evidence import Candidate, ImpostorCount
from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.index.search import SearchResult
from hadir.pipeline.impostor_watch import ImpostorWatch

OWN = ThresholdTable({"1e-3": {"1/1": 0.8, "1/2": 0.9, "2/1": 0.85}, "1e-4": {"1/1": 0.95}})
PACK = ThresholdTable({"1e-3": {"1/4": 0.7}})
RATES = (1e-3, 1e-4)


def answer(*cohort: tuple[float, int], claimed: Candidate | None = None) -> SearchResult:
    return SearchResult(
        claimed,
        (),
        np.array([score for score, _ in cohort], dtype=np.float32),
        np.array([photos for _, photos in cohort], dtype=np.uint8),
    )


def watch(people: int = 100) -> ImpostorWatch:
    return ImpostorWatch(Thresholds(OWN, PACK), RATES, people)


def test_each_comparison_is_held_against_the_threshold_of_its_own_cell() -> None:
    seen = answer((0.96, 1), (0.96, 2), (0.91, 2), (0.85, 2), (0.85, 1), (0.85, 3), (0.79, 1), (0.71, 4))
    # 1/3 is in no table: the highest of the pack's cells at this rate serves, as it does for a verdict.
    assert watch().count(seen, 1) == ImpostorCount(100, {"1e-3": 6, "1e-4": 1})


def test_a_threshold_is_reached_by_its_own_value() -> None:
    limit = float(np.float32(0.8))
    own = ThresholdTable({"1e-3": {"1/1": limit}})
    counted = ImpostorWatch(Thresholds(own, PACK), (1e-3,), 5).count(answer((limit, 1)), 1)
    assert counted == ImpostorCount(5, {"1e-3": 1})


def test_more_probe_photos_are_another_cell() -> None:
    counted = watch().count(answer((0.86, 1), (0.84, 1)), 2)
    assert counted is not None
    assert counted.reached["1e-3"] == 1


@pytest.mark.parametrize(
    ("claimed", "compared"),
    [(None, 100), (Candidate("a", 0.9, 1), 99), (Candidate("a", 0.9, 1, synthetic=True), 100)],
)
def test_everybody_real_but_the_claimed_person_is_compared(claimed: Candidate | None, compared: int) -> None:
    counted = watch().count(answer((0.5, 1), claimed=claimed), 1)
    assert counted == ImpostorCount(compared, {"1e-3": 0, "1e-4": 0})


def test_a_rate_that_nothing_supports_is_not_watched() -> None:
    few = ImpostorWatch(Thresholds(ThresholdTable({}), PACK), RATES, 100)
    counted = few.count(answer((0.75, 1)), 1)
    assert counted == ImpostorCount(100, {"1e-3": 1})


def test_a_rate_off_the_grid_is_refused() -> None:
    with pytest.raises(CalibrationError, match="nearest is 1e-3"):
        ImpostorWatch(Thresholds(OWN, PACK), (0.0011,), 100)


def test_where_nothing_can_be_told_nothing_is_counted() -> None:
    blind = SearchResult(None, (), np.array([0.9], dtype=np.float32))
    assert watch().count(blind, 1) is None
    assert watch(people=0).count(answer(), 1) is None
    assert ImpostorWatch(Thresholds(OWN, PACK), (), 100).count(answer((0.9, 1)), 1) is None
