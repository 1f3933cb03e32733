"""Intervals at a fixed threshold: by people, reproducible, honest where nothing was seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hadir.index.person_bootstrap import DRAWS, bound_where_none_seen, draw_people, interval_of, share_of_people


def test_a_person_counts_as_often_as_drawn() -> None:
    wrong, owners = np.array([True, False, False, True]), np.array([0, 0, 1, 2])
    rate = share_of_people(wrong, owners)
    assert rate(np.array([1.0, 1.0, 1.0, 5.0])) == 2 / 4
    assert rate(np.array([2.0, 1.0, 0.0])) == 2 / 5
    assert math.isnan(rate(np.array([0.0, 0.0, 0.0])))


def test_every_draw_has_as_many_people_as_there_are_and_the_seed_decides_whom() -> None:
    draws = draw_people(50, seed=3)
    assert len(draws) == DRAWS
    assert {float(drawn.sum()) for drawn in draws} == {50.0}
    assert all(np.array_equal(a, b) for a, b in zip(draws, draw_people(50, seed=3), strict=True))


def test_photos_of_one_person_make_no_interval_narrower() -> None:
    draws = draw_people(40, seed=0)
    wrong = np.arange(40) % 4 == 0
    once = interval_of(draws, share_of_people(wrong, np.arange(40)))
    often = interval_of(draws, share_of_people(np.repeat(wrong, 50), np.repeat(np.arange(40), 50)))
    assert once == often


@pytest.mark.parametrize(("values", "expected"), [([math.nan], None), ([math.nan, 1.0], (1.0, 1.0))])
def test_draws_that_say_nothing_are_left_out(values: list[float], expected: tuple[float, float] | None) -> None:
    given = iter(values * DRAWS)
    assert interval_of(draw_people(3, seed=0), lambda _: next(given)) == expected


def test_an_unbounded_ratio_has_an_unbounded_end_and_no_warning() -> None:
    given = iter([1.0, math.inf] * DRAWS)
    assert interval_of(draw_people(3, seed=0), lambda _: next(given)) == (1.0, math.inf)


def test_where_none_was_seen_the_exact_bound_over_people_is_the_end() -> None:
    assert bound_where_none_seen((0.0, 0.0), 30) == pytest.approx((0, 1 - 0.025 ** (1 / 30)))
    assert bound_where_none_seen((0.0, 0.1), 30) == (0.0, 0.1)
    assert bound_where_none_seen(None, 30) is None
