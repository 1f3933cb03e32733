"""Every finding is judged by the thresholds of its own snapshot, or not at all."""

from __future__ import annotations

from datetime import date

import pytest

from hadir.attendance.policy import Policy
from hadir.attendance.yardsticks import Yardstick, Yardsticks
from hadir.core.errors import CalibrationError, SnapshotError
from hadir.core.thresholds import Thresholds, ThresholdTable

POLICY = Policy("test", "1", date(2026, 1, 1))


def yardstick(accept: float, margin: float = 0.02) -> Yardstick:
    table = ThresholdTable({"1e-3": {"1/1": accept}, "1e-2": {"1/1": accept / 2}})
    return Yardstick(Thresholds(table, ThresholdTable({})), margin)


def test_each_snapshot_has_its_own() -> None:
    known, first, second = Yardsticks(POLICY), yardstick(0.5), yardstick(0.3, 0.1)
    known.register("first", first)
    known.register("second", second)
    assert (known.of("first"), known.of("second")) == (first, second)


def test_an_unknown_snapshot_is_an_error_that_names_it() -> None:
    known = Yardsticks(POLICY)
    known.register("first", yardstick(0.5))
    with pytest.raises(SnapshotError, match=r"of snapshot second, .* \(those of first were\)"):
        known.of("second")


def test_thresholds_that_do_not_support_the_policy_are_refused_before_anything_is_judged_by_them() -> None:
    known = Yardsticks(POLICY)
    unsupported = Yardstick(Thresholds(ThresholdTable({}), ThresholdTable({})), 0.02)
    with pytest.raises(CalibrationError, match="accept_fmr"):
        known.register("first", unsupported)
    with pytest.raises(SnapshotError):
        known.of("first")


def test_what_is_not_kept_is_unknown() -> None:
    known = Yardsticks(POLICY)
    for name in ("first", "second", "third"):
        known.register(name, yardstick(0.5))
    known.keep_only({"second", "third", "never"})
    with pytest.raises(SnapshotError):
        known.of("first")
    known.of("second")
