"""A manual clock moves only when it is told to, and only forward."""

from __future__ import annotations

import pytest

from hadir.core.clock import ManualClock, SystemClock


def test_it_stands_still_until_moved() -> None:
    clock = ManualClock(1_000)
    clock.advance(1.5)
    assert (clock.now_ms(), clock.monotonic_s()) == (2_500, 2.5)


def test_it_never_goes_back() -> None:
    with pytest.raises(ValueError, match="cannot go back"):
        ManualClock().advance(-1)


def test_the_systems_clocks_are_in_their_units() -> None:
    clock = SystemClock()
    assert clock.now_ms() > 1_700_000_000_000
    assert clock.monotonic_s() <= clock.monotonic_s()
