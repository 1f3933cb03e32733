"""Score normalisation against its formula, written out one comparison at a time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.vectors import Vectors, normalise
from hadir.index import normalisation
from hadir.index.normalisation import SMALLEST_SD, as_norm, cohort_statistics


def faces(count: int, seed: int) -> Vectors:
    rng = np.random.default_rng(seed)
    return normalise(1 + rng.normal(size=(count, 12)))


def one_by_one(vector: Vectors, cohort: Vectors, k: int, own: int) -> tuple[float, float]:
    cosines = sorted((float(vector @ other) for row, other in enumerate(cohort) if row != own), reverse=True)[:k]
    return (float(np.mean(cosines)), float(np.std(cosines))) if len(cosines) > 1 else (np.nan, np.nan)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(2, 14), st.randoms(use_true_random=False))
def test_statistics_are_those_of_the_k_highest_cosines_to_other_people(
    count: int, people: int, k: int, random: object
) -> None:
    vectors, cohort = faces(count, 1), faces(people, 2)
    own = np.array([random.randint(-1, people - 1) for _ in range(count)])  # type: ignore[attr-defined]  # a Random
    found = cohort_statistics(vectors, cohort, k, own)
    expected = [one_by_one(vector, cohort, k, int(row)) for vector, row in zip(vectors, own, strict=True)]
    np.testing.assert_allclose(found, expected, atol=2e-6)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors, cohort = faces(50, 3), faces(40, 4)
    own = np.arange(50) % 41 - 1
    whole = cohort_statistics(vectors, cohort, 10, own)
    monkeypatch.setattr(normalisation, "_MOST_COSINES", 120)
    np.testing.assert_allclose(cohort_statistics(vectors, cohort, 10, own), whole, atol=1e-6)


def test_the_person_themselves_is_never_in_their_own_cohort() -> None:
    people = faces(30, 5)
    with_own = cohort_statistics(people, people, 5)
    without = cohort_statistics(people, people, 5, np.arange(30))
    assert (with_own[:, 0] > without[:, 0]).all()


def test_z_is_the_mean_of_both_sides() -> None:
    assert as_norm(0.9, 0.8, 0.05, 0.85, 0.02) == pytest.approx(((0.9 - 0.8) / 0.05 + (0.9 - 0.85) / 0.02) / 2)


@given(st.floats(-1, 1), st.floats(0.001, 0.5), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_a_higher_cosine_is_a_higher_z(cosine: float, more: float, probe_sd: float, template_sd: float) -> None:
    assert as_norm(cosine + more, 0.5, probe_sd, 0.4, template_sd) > as_norm(cosine, 0.5, probe_sd, 0.4, template_sd)


@pytest.mark.parametrize("sd", [0.0, SMALLEST_SD / 2, float("nan")])
def test_without_a_spread_nothing_is_said(sd: float) -> None:
    assert np.isnan(as_norm(0.9, 0.8, sd, 0.8, 0.02))
    assert np.isnan(as_norm(0.9, 0.8, 0.02, 0.8, sd))


@pytest.mark.parametrize(
    ("k", "own", "says"),
    [(1, None, "k is 1"), (5, np.zeros(3, dtype=int), "own has shape"), (5, np.full(4, 9), "rows -1 to 5")],
)
def test_what_cannot_be_is_refused(k: int, own: np.ndarray | None, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        cohort_statistics(faces(4, 1), faces(6, 2), k, own)
