"""Arrival curves: how many come when, whatever the seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.app.arrivals import CURVES, MORNING_S, Curve, arrival_times, busiest

SEEDS = st.integers(0, 2**32 - 1)


@given(st.sampled_from(CURVES), st.integers(0, 3000), st.floats(0.1, 1e5), SEEDS)
def test_everybody_arrives_once_in_order_and_in_time(curve: Curve, people: int, seconds: float, seed: int) -> None:
    times = arrival_times(curve, people, seconds, seed)
    assert times.dtype == np.float64
    assert len(times) == people
    assert np.all(np.diff(times) >= 0)
    assert np.all((times >= 0) & (times < seconds))


@given(SEEDS)
def test_seventy_percent_come_in_half_an_hour_and_thirty_in_its_last_five_minutes(seed: int) -> None:
    times = arrival_times("morning", 10_000, MORNING_S, seed)
    assert np.sum((times >= 1800) & (times < 3600)) == 7000
    assert np.sum((times >= 3300) & (times < 3600)) == 3000


def test_ten_thousand_people_are_ten_a_second_at_the_steepest() -> None:
    times = arrival_times("morning", 10_000, MORNING_S, 1)
    assert len(busiest(times, 300.0)) / 300.0 == pytest.approx(10.0, rel=0.02)


@given(SEEDS)
def test_a_step_is_ten_times_what_is_around_it(seed: int) -> None:
    times = arrival_times("step", 28_000, 100.0, seed)
    around, step = np.sum((times < 40) | (times >= 60)), np.sum((times >= 40) & (times < 60))
    assert (step / 20) / (around / 80) == pytest.approx(10.0)


def test_the_same_seed_is_the_same_morning_and_another_is_another() -> None:
    first, again, other = (arrival_times("morning", 500, 60.0, seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@given(st.lists(st.floats(0, 100), max_size=60), st.floats(0.5, 50))
def test_no_other_stretch_of_that_length_is_busier(moments: list[float], seconds: float) -> None:
    times = np.sort(np.array(moments, dtype=np.float64))
    found = busiest(times, seconds)
    assert len(found) == max((np.sum((times >= at) & (times < at + seconds)) for at in times), default=0)
    assert np.all(found <= seconds)


@pytest.mark.parametrize(("people", "seconds"), [(-1, 10.0), (5, 0.0), (5, float("nan"))])
def test_no_morning_has_fewer_than_nobody_or_no_time(people: int, seconds: float) -> None:
    with pytest.raises(ValueError, match="expected none or more"):
        arrival_times("flat", people, seconds, 1)
