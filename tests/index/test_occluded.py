"""What it costs to wear something: at the plain threshold, with lost faces counted."""

from __future__ import annotations

import numpy as np
import pytest

from hadir.core.vectors import normalise
from hadir.index.comparisons import worn
from hadir.index.evaluation import assess, lay_out
from hadir.index.occluded import Occluded, assess_occluded
from hadir.index.scores import score
from tests.index.random_photos import photos_of


def assessed(noise: float, lost: int = 0, both: bool = False, photos: int = 1) -> Occluded:
    vectors, labels = photos_of([3] * 60, spread=0.9)
    plain = lay_out(vectors, labels, photos)
    other = normalise(vectors + noise * np.random.default_rng(5).normal(size=vectors.shape))
    found = np.arange(len(vectors)) >= lost
    compared = worn(plain, vectors, other, found, both)
    return assess_occluded(score(plain), assess(plain), compared)


@pytest.mark.parametrize("photos", [1, 2])
def test_what_changes_nothing_has_the_plain_rates_and_a_ratio_of_one(photos: int) -> None:
    vectors, labels = photos_of([3] * 60, spread=0.9)
    plain = assess(lay_out(vectors, labels, photos))
    rates = assessed(0.0, photos=photos).at_plain_threshold["1e-2"]
    assert rates.fnmr == plain.fnmr_at_fmr["1e-2"]
    assert rates.ratio == 1
    assert rates.ratio_ci95 == (1, 1)
    assert rates.fmr == pytest.approx(0.01, abs=1e-3)


def test_what_hides_more_costs_more() -> None:
    some, much = (assessed(noise).at_plain_threshold["1e-2"] for noise in (0.1, 0.3))
    assert some.ratio is not None
    assert much.ratio is not None
    assert much.ratio_ci95 is not None
    assert 1 < some.ratio < much.ratio
    assert much.ratio_ci95[0] <= much.ratio
    assert much.ratio_ci95[1] is None or much.ratio <= much.ratio_ci95[1]


def test_a_face_that_is_lost_is_a_rejection_and_no_comparison() -> None:
    found = assessed(0.0, lost=3)
    rates = found.at_plain_threshold["1e-2"]
    assert found.lost == 6
    assert found.accuracy.genuine_pairs == 360 - 6
    assert rates.false_rejections == pytest.approx((rates.fnmr * 354 + 6) / 360)


def test_rates_that_the_plain_pairs_do_not_support_are_left_out() -> None:
    assert list(assessed(0.1).at_plain_threshold) == ["1e-2"]


def test_on_both_sides_every_pair_is_compared_once() -> None:
    assert assessed(0.1, both=True).accuracy.genuine_pairs == 180
