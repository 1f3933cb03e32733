"""Vectors are checked once, at the door."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.vectors import as_unit_vectors, fuse, normalise


def _random(rows: int, seed: int = 1) -> np.ndarray:
    return normalise(np.random.default_rng(seed).normal(size=(rows, 16)))


def test_unit_vectors_pass_unchanged() -> None:
    vectors = _random(3)
    assert np.array_equal(as_unit_vectors(vectors), vectors)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 2.0])
def test_a_bad_row_is_named(bad: float) -> None:
    vectors = _random(3)
    vectors[1] *= bad
    with pytest.raises(ValueError, match="vector 1 has norm"):
        as_unit_vectors(vectors)


def test_wrong_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="16 dimensions, expected 128"):
        as_unit_vectors(_random(2), 128)


def test_a_flat_array_is_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        as_unit_vectors(np.zeros(4, np.float32))


def test_zero_has_no_direction() -> None:
    with pytest.raises(ValueError, match="zero or not finite"):
        normalise(np.zeros((1, 4), np.float32))


@given(st.integers(1, 6), st.integers(0, 1000))
def test_the_fused_vector_has_unit_norm_and_lies_between(rows: int, seed: int) -> None:
    vectors = _random(rows, seed)
    vectors[:, 0] += 3
    vectors = normalise(vectors)
    fused = fuse(vectors)
    assert abs(float(np.linalg.norm(fused)) - 1) < 1e-6
    assert float((vectors @ fused).min()) >= float((vectors @ vectors.T).min()) - 1e-6
