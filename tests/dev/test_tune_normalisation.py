"""The tuning of normalisation: who is tested with whose cohort, and what a miss is."""

from __future__ import annotations

import numpy as np
import pytest

from dev.tune_normalisation import VARIANTS, as_norm_over, fold_of, folds_of, misses
from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index.normalisation import as_norm, cohort_statistics


@pytest.fixture(scope="module")
def people() -> dict[str, Vectors]:
    rng = np.random.default_rng(0)
    return {
        f"p{n:03d}": normalise(1 + rng.normal(size=24) + 0.8 * rng.normal(size=(1 + n % 3, 24))) for n in range(240)
    }


def test_nobody_is_in_the_cohort_that_normalises_them(people: dict[str, Vectors]) -> None:
    for number, fold in enumerate(folds_of(people, 1)):
        tested = [fuse(v) for person, v in people.items() if fold_of(person) == number]
        assert len(fold.cohort) == len(people) - len(tested)
        assert (np.stack(tested) @ fold.cohort.T).max() < 1 - 1e-6


def test_a_photo_is_never_compared_with_a_template_that_holds_it(people: dict[str, Vectors]) -> None:
    for photos in (1, 2):
        for fold in folds_of(people, photos):
            assert fold.same_photo.sum() == photos * len(fold.templates)
            own = fold.probe_owners[:, None] == fold.template_owners[None, :]
            assert (own | ~fold.same_photo).all()


def test_the_plain_variant_is_the_cosine_and_k_is_as_norm(people: dict[str, Vectors]) -> None:
    fold = next(iter(folds_of(people, 1)))
    cosines = (fold.probes @ fold.templates.T).astype(np.float64)
    near = [-np.sort(-(side @ fold.cohort.T).astype(np.float64), axis=1) for side in (fold.probes, fold.templates)]
    np.testing.assert_array_equal(VARIANTS["cosine"](cosines, *near), cosines)
    p, t = (cohort_statistics(side, fold.cohort, 20) for side in (fold.probes, fold.templates))
    expected = as_norm(cosines, p[:, :1], p[:, 1:], t[None, :, 0], t[None, :, 1])
    np.testing.assert_allclose(as_norm_over(20)(cosines, *near), expected, atol=1e-3)


def test_a_miss_is_a_genuine_pair_that_does_not_exceed_what_the_rate_allows(people: dict[str, Vectors]) -> None:
    found = misses(list(folds_of(people, 1)), VARIANTS["cosine"])
    # 80 people of two photos and 80 of three, both ways round.
    assert found.genuine == 80 * 2 + 80 * 6
    assert 0 < found.fnmr[0] <= found.fnmr[1] <= found.fnmr[2] < 1
