"""The rule of one view where it is enough: what it must hold for any scores."""

from __future__ import annotations

import numpy as np
import pytest

from dev.second_view import Scores, joint_rule, scores_of

DIMENSION = 16


def scores(noise: float) -> Scores:
    """Two views measure the same thing, the second one independently of the first."""
    rng = np.random.default_rng(1)
    genuine, impostor = rng.normal(0.9, 0.03, 4000), rng.normal(0.8, 0.03, 200_000)
    first = [truth + rng.normal(0, noise, len(truth)) for truth in (genuine, impostor)]
    second = [truth + rng.normal(0, noise, len(truth)) for truth in (genuine, impostor)]
    (g1, i1), (g2, i2) = first, second
    return Scores(g1, (g1 + g2) / 2, i1, (i1 + i2) / 2)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1])
def test_the_rule_never_refuses_more_than_one_view_does_and_hardly_more_than_both(share: float) -> None:
    rule = joint_rule(scores(0.02), 1e-3, share)
    assert rule.fnmr_two < rule.fnmr_one
    assert rule.fnmr_joint < rule.fnmr_one
    assert rule.fnmr_joint < rule.fnmr_two + share * (rule.fnmr_one - rule.fnmr_two) + 0.02


def test_a_smaller_share_for_the_first_view_asks_for_the_second_more_often() -> None:
    asked = [joint_rule(scores(0.02), 1e-3, share).second_views for share in (0.5, 0.2, 0.1)]
    assert asked == sorted(asked)
    assert 0 < asked[0] < asked[-1] < 1


def test_where_both_views_are_the_same_the_second_one_changes_nothing() -> None:
    same = scores(0.0)
    rule = joint_rule(same, 1e-3, 0.5)
    assert rule.fnmr_one == rule.fnmr_two == pytest.approx(rule.fnmr_joint, abs=0.002)


def test_people_with_too_few_photos_are_impostors_to_all_and_have_no_template() -> None:
    rng = np.random.default_rng(2)
    people = {
        name: rng.normal(size=(photos, 2, DIMENSION)).astype(np.float32)
        for name, photos in (("a", 3), ("b", 2), ("c", 1))
    }
    found = scores_of(people, 2)
    assert len(found.genuine_one) == 1
    assert len(found.impostor_one) == 1 + 2
