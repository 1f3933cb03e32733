"""Searches of everybody, against the definitions counted one by one."""

from __future__ import annotations

import numpy as np
import pytest

from hadir.index.identification import Identification, identify
from tests.index.random_photos import photos_of

SIZES = [4] * 200


def identified(spread: float, margin: float = 0.0, per_probe: int = 1) -> Identification:
    found = identify(*photos_of(SIZES, spread), 2, per_probe, margin=margin)
    assert found is not None
    return found


def test_everybody_is_enrolled_once_and_a_stranger_once() -> None:
    found = identified(0.9)
    assert found.gallery_people == 100
    assert found.mated_searches == 200 * 2
    assert found.non_mated_searches == 200 * 4
    assert identified(0.9, per_probe=2).non_mated_searches == 200 * 2


def test_rates_are_the_definitions_counted_one_by_one() -> None:
    vectors, labels = photos_of(SIZES, 0.9)
    found = identified(0.9, margin=0.02)
    enrolled = np.random.default_rng(0).permutation(200) < 100
    whose = np.array([int(label[1:]) for label in labels])
    mated, alarms = [], []
    for half in (enrolled, ~enrolled):
        gallery = {}
        for person in np.flatnonzero(half):
            mean = vectors[np.flatnonzero(whose == person)[:2]].mean(axis=0)
            gallery[int(person)] = mean / np.linalg.norm(mean)
        for row, person in enumerate(whose.tolist()):
            if person in gallery and row in np.flatnonzero(whose == person)[:2]:
                continue
            scores = sorted(((float(vectors[row] @ t), p) for p, t in gallery.items()), reverse=True)
            ahead = scores[0][0] - scores[1][0]
            if person in gallery:
                mated.append((scores[0][0], scores[0][1] == person, ahead))
            else:
                alarms.append((scores[0][0], ahead))
    assert found.first_share == np.mean([first for _, first, _ in mated])
    for rates, margin in ((found.plain, 0.0), (found.with_margin, 0.02)):
        threshold = rates.similarity_at_fpir["1e-1"]
        assert threshold is not None
        named = np.mean([score >= threshold and ahead >= margin for score, ahead in alarms])
        missed = np.mean([not (first and score >= threshold and ahead >= margin) for score, first, ahead in mated])
        assert 0.09 < named <= 0.1
        assert rates.fnir_at_fpir["1e-1"] == pytest.approx(missed, abs=1e-9)
        interval = rates.fnir_ci95["1e-1"]
        assert interval is not None
        assert interval[0] <= missed <= interval[1]


def test_a_rate_with_too_few_strangers_is_none() -> None:
    found = identified(0.9)
    assert list(found.plain.fnir_at_fpir) == ["1e-1", "1e-2", "1e-3"]
    assert found.plain.fnir_at_fpir["1e-1"] is not None
    for rate in ("1e-2", "1e-3"):
        assert found.plain.fnir_at_fpir[rate] is None
        assert found.plain.fnir_ci95[rate] is None
        assert found.plain.similarity_at_fpir[rate] is None


def test_with_a_margin_the_threshold_may_be_lower() -> None:
    found = identified(0.9, margin=0.05)
    plain, ahead = (rates.similarity_at_fpir["1e-1"] for rates in (found.plain, found.with_margin))
    assert plain is not None
    assert ahead is not None
    assert ahead < plain


@pytest.mark.parametrize("sizes", [[2] * 20, [3] * 4, [3, 1, 1, 1, 1, 1, 1, 1]])
def test_too_few_to_search_is_said(sizes: list[int]) -> None:
    assert identify(*photos_of(sizes), 2, margin=0.02) is None


def test_the_same_seed_gives_the_same() -> None:
    assert identified(0.9) == identified(0.9)
