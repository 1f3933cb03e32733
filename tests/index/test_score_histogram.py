"""Scores on a grid: nothing is lost but what lies between two steps."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from hadir.index.score_histogram import BIN_WIDTH, BINS, SHAPE_BINS, count_scores, reached, shape_of, similarity_at

SCORES = st.lists(st.floats(-1, 1, width=32), min_size=1, max_size=200)


@given(scores=SCORES, rate=st.floats(0, 1))
def test_threshold_is_the_lowest_on_the_grid_that_at_most_the_rate_reaches(scores: list[float], rate: float) -> None:
    array = np.array(scores, dtype=np.float32)
    threshold = similarity_at(reached(count_scores(array)), rate)
    assert (array >= threshold).sum() <= rate * len(array) + 1e-6
    if threshold > -1:
        lower = threshold - BIN_WIDTH - 2e-7
        assert (array >= lower).sum() > rate * len(array) - 1e-6


@given(scores=SCORES)
def test_a_grid_similarity_is_reached_by_no_fewer_than_counted_one_by_one(scores: list[float]) -> None:
    array = np.array(scores, dtype=np.float32)
    reaching = reached(count_scores(array))
    assert reaching[0] == len(array)
    for place in {0, BINS // 2, BINS - 1, *((array + 1) / BIN_WIDTH).astype(int).tolist()}:
        similarity = place * BIN_WIDTH - 1
        assert reaching[place] >= (array >= similarity).sum()
        assert reaching[place] <= (array >= similarity - 2e-7).sum()


def test_scores_beyond_one_by_rounding_are_counted_at_the_end() -> None:
    counts = count_scores(np.array([1.0000002, -1.0000002], dtype=np.float32))
    assert (counts[0], counts[-1], counts.sum()) == (1, 1, 2)


def test_no_score_at_all_means_that_every_similarity_serves() -> None:
    assert similarity_at(reached(count_scores(np.empty(0, dtype=np.float32))), 0.5) == -1.0


@given(genuine=SCORES, impostor=SCORES, unit=st.sampled_from([1.0, 64.0]))
def test_a_shape_to_look_at_loses_no_score_and_has_few_steps(
    genuine: list[float], impostor: list[float], unit: float
) -> None:
    one, other = (np.array(scores, dtype=np.float32) for scores in (genuine, impostor))
    shape = shape_of(count_scores(one), count_scores(other), unit)
    assert (sum(shape.genuine), sum(shape.impostor)) == (len(one), len(other))
    assert len(shape.edges) == len(shape.genuine) + 1 == len(shape.impostor) + 1 <= SHAPE_BINS + 2
    assert shape.edges[0] / unit <= float(min(one.min(), other.min())) + 1e-6
    assert shape.edges[-1] / unit >= float(max(one.max(), other.max())) - 1e-6
