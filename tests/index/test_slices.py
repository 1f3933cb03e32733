"""Error rates per group: counted one by one, and never of a group that is too small."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from hadir.index.evaluation import Accuracy, assess, lay_out
from hadir.index.scores import score
from hadir.index.slices import FEWEST_PEOPLE, Slice, slices_of
from tests.index.random_photos import photos_of

PEOPLE = 120


def sliced(values: Sequence[str | None], spread: float = 0.9) -> tuple[tuple[Slice, ...], Accuracy]:
    compared = lay_out(*photos_of([3] * PEOPLE, spread))
    accuracy = assess(compared)
    return slices_of(compared, score(compared), accuracy, {"unit": values}), accuracy


def test_rates_of_a_slice_are_those_of_its_own_people_at_the_threshold_of_everybody() -> None:
    values: Sequence[str | None] = ["a" if n % 3 else "b" for n in range(PEOPLE)]
    (a, b), accuracy = sliced(values)
    threshold = accuracy.similarity_at_fmr["1e-2"]
    assert threshold is not None
    vectors, labels = photos_of([3] * PEOPLE, 0.9)
    whose = np.array([values[int(label[1:])] for label in labels])
    same = np.array(labels)[:, None] == np.array(labels)[None, :]
    upper = np.triu(np.ones((len(labels), len(labels)), dtype=bool), 1)
    scores = vectors @ vectors.T
    for found in (a, b):
        both = (whose[:, None] == found.value) & (whose[None, :] == found.value) & upper
        rates = found.at_fmr["1e-2"]
        assert rates.fnmr is not None
        assert rates.fmr is not None
        assert rates.fnmr == pytest.approx((scores[both & same] < threshold).mean(), abs=1e-9)
        assert rates.fmr == pytest.approx((scores[both & ~same] >= threshold).mean(), abs=1e-4)
        assert found.genuine_pairs == int((both & same).sum())
        assert found.impostor_pairs == int((both & ~same).sum())
        assert rates.fnmr_ci95 is not None
        assert rates.fmr_ci95 is not None
        assert rates.fnmr_ci95[0] <= rates.fnmr <= rates.fnmr_ci95[1]
        assert rates.fmr_ci95[0] <= rates.fmr <= rates.fmr_ci95[1]


def test_a_slice_below_the_minimum_is_a_number_of_people_and_nothing_else() -> None:
    values: Sequence[str | None] = ["x"] * (FEWEST_PEOPLE - 1) + ["y"] * 2 + ["z"] * (PEOPLE - FEWEST_PEOPLE - 1)
    (large, small), _ = sliced(values)
    assert large.value == "z"
    assert (small.value, small.values, small.people, dict(small.at_fmr)) == (None, 2, FEWEST_PEOPLE + 1, {})


def test_a_column_of_names_reveals_nobody() -> None:
    (only,), _ = sliced([f"name {n}" for n in range(PEOPLE)])
    assert (only.value, only.values, only.people) == (None, PEOPLE, PEOPLE)


def test_a_rate_that_a_slice_cannot_support_is_none() -> None:
    (found, _), accuracy = sliced(["a"] * FEWEST_PEOPLE + [None] * (PEOPLE - FEWEST_PEOPLE - 1) + ["b"])
    assert accuracy.fnmr_at_fmr["1e-3"] is not None
    assert (found.people, found.impostor_pairs) == (30, 3915)
    assert found.at_fmr["1e-2"].fmr is not None
    assert (found.at_fmr["1e-3"].fmr, found.at_fmr["1e-3"].fmr_ci95) == (None, None)
    assert found.at_fmr["1e-3"].fnmr is not None


def test_a_hundred_people_of_whom_none_fails_are_not_said_to_be_faultless() -> None:
    (found,), _ = sliced(["a"] * PEOPLE, spread=0.01)
    rates = found.at_fmr["1e-2"]
    assert rates.fnmr == 0
    assert rates.fnmr_ci95 == pytest.approx((0, 1 - 0.025 ** (1 / PEOPLE)))
