"""Each photo against the same person's other photos, in two spaces at once."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, fuse
from hadir.index.honest_trials import Photos, Side, honest_trials


def vector(*numbers: float) -> NDArray[np.float32]:
    row = np.array(numbers, dtype=np.float32)
    return row / np.float32(np.linalg.norm(row))


X, Y, NEAR_X = vector(1, 0), vector(0, 1), vector(10, 1)


def side(photos: Photos) -> Side:
    def passes(probes: Vectors, templates: Vectors, photos: NDArray[np.int64], people: list[str]) -> NDArray[np.bool_]:
        assert len(probes) == len(templates) == len(photos) == len(people)
        return np.asarray((probes * templates).sum(axis=1) >= 0.9)

    return Side(photos, passes)


def test_a_photo_is_compared_with_the_others_of_its_person_only() -> None:
    seen: list[tuple[list[float], int]] = []

    def passes(probes: Vectors, templates: Vectors, photos: NDArray[np.int64], people: list[str]) -> NDArray[np.bool_]:
        seen.extend(zip(templates.tolist(), photos.tolist(), strict=True))
        return np.ones(len(probes), dtype=np.bool_)

    three = Side({"p": {"1": X, "2": Y, "3": NEAR_X}}, passes)
    honest_trials(three, three)
    expected = [fuse(np.stack(others)) for others in ((Y, NEAR_X), (X, NEAR_X), (X, Y))]
    for (template, photos), others in zip(seen[:3], expected, strict=True):
        assert template == pytest.approx(others.tolist())
        assert photos == 2


def test_both_sides_answer_for_the_same_photos() -> None:
    before = side({"p": {"1": X, "2": X}, "q": {"3": X, "4": Y}})
    after = side({"p": {"1": X, "2": Y}, "q": {"3": X, "4": X}})
    trials = honest_trials(before, after)
    assert trials.owners.tolist() == [0, 0, 1, 1]
    assert trials.missed_before.tolist() == [False, False, True, True]
    assert trials.missed_after.tolist() == [True, True, False, False]
    assert (trials.count, trials.people) == (4, 2)


def test_a_photo_that_the_new_pack_cannot_use_is_its_miss() -> None:
    before = side({"p": {"1": X, "2": X, "3": X}})
    after = side({"p": {"1": X, "2": X}})
    trials = honest_trials(before, after)
    assert trials.missed_before.tolist() == [False, False, False]
    assert trials.missed_after.tolist() == [False, False, True]


def test_a_photo_that_only_the_new_pack_knows_is_no_trial() -> None:
    trials = honest_trials(side({"p": {"1": X, "2": X}}), side({"p": {"1": X, "2": X, "3": Y}}))
    assert trials.count == 2


def test_who_has_one_photo_or_is_on_one_side_only_is_no_trial() -> None:
    before = side({"p": {"1": X}, "q": {"2": X, "3": X}})
    assert honest_trials(before, side({"p": {"1": X}, "r": {"4": X, "5": X}})).count == 0
    assert honest_trials(side({}), side({})).people == 0
