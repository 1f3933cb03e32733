"""z of a search's answer: the claimed person's and the two others', each without themselves in the cohort."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.evidence import Candidate
from hadir.core.vectors import Vectors, normalise
from hadir.index.flat import build_flat_index
from hadir.index.normalisation import as_norm, as_norm_of_one, cohort_statistics
from hadir.index.people import EnrolledPerson
from hadir.index.search import SearchResult
from hadir.index.template_cohorts import (
    TemplateCohorts,
    pack_statistics,
    template_statistics,
    unpack_statistics,
)

K = 5
COSINES = st.floats(-1, 1)
SPREADS = st.floats(0, 0.3)


def faces(count: int, seed: int = 0) -> Vectors:
    return normalise(1 + np.random.default_rng(seed).normal(size=(count, 12)))


def enrolled(count: int, synthetic: int = 0) -> list[EnrolledPerson]:
    return [EnrolledPerson(f"p{n:02d}", 1, n >= count - synthetic) for n in range(count)]


def search(vectors: Vectors, probe: Vectors, claimed: str | None, synthetic: int = 0) -> SearchResult:
    people = enrolled(len(vectors), synthetic)
    real = len(vectors) - synthetic
    cohorts = TemplateCohorts(K, people[:real], template_statistics(vectors[:real], K))
    [answer] = build_flat_index(vectors, people, "space").search(probe[None, :], [claimed], "space")
    return cohorts.normalised(answer)


def expected(vectors: Vectors, probe: Vectors, person: int, left_out: set[int]) -> float:
    """The formula: the probe's cohort without `left_out`, the template's without the person themselves."""
    near = cohort_statistics(probe[None, :], vectors[[n for n in range(len(vectors)) if n not in left_out]], K)[0]
    far = cohort_statistics(vectors[person : person + 1], vectors[[n for n in range(len(vectors)) if n != person]], K)
    return float(as_norm(float(probe @ vectors[person]), near[0], near[1], far[0, 0], far[0, 1]))


@given(st.integers(0, 19), st.integers(0, 50))
def test_every_z_is_the_formula_without_the_two_people_compared(claimed: int, seed: int) -> None:
    vectors, probe = faces(20), faces(1, seed + 1)[0]
    answer = search(vectors, probe, f"p{claimed:02d}")
    assert answer.claimed is not None
    for candidate in (answer.claimed, *answer.others):
        person = int(candidate.person[1:])
        assert candidate.normalised == pytest.approx(expected(vectors, probe, person, {claimed, person}), abs=1e-3)


def test_nobody_claimed_leaves_out_only_the_one_compared_with() -> None:
    vectors, probe = faces(20), faces(1, 9)[0]
    for other in search(vectors, probe, None).others:
        person = int(other.person[1:])
        assert other.normalised == pytest.approx(expected(vectors, probe, person, {person}), abs=1e-3)


@pytest.mark.parametrize("seed", range(8))
def test_synthetic_people_have_no_z_and_change_nobodys(seed: int) -> None:
    vectors, probe = faces(30), faces(1, seed + 40)[0]
    crowd = search(vectors, probe, "p03", synthetic=10)
    alone = search(vectors[:20], probe, "p03")
    known = {other.person: other.normalised for other in alone.others}
    assert crowd.claimed == alone.claimed
    for other in crowd.others:
        assert other.normalised == (None if other.synthetic else known[other.person])


def test_too_small_a_cohort_gives_no_z() -> None:
    vectors = faces(K + 1)
    answer = search(vectors, faces(1, 3)[0], "p00")
    assert answer.claimed is not None
    assert [c.normalised for c in (answer.claimed, *answer.others)] == [None] * 3


def test_an_unknown_person_has_no_z() -> None:
    answer = SearchResult(Candidate("stranger", 0.9, 1), (), np.linspace(0.9, 0.5, 20, dtype=np.float32))
    assert TemplateCohorts(K, [], template_statistics(faces(0), K)).normalised(answer).claimed == answer.claimed


@given(COSINES, COSINES, SPREADS, COSINES, SPREADS)
def test_one_comparison_is_the_same_formula(s: float, mean_p: float, sd_p: float, mean_t: float, sd_t: float) -> None:
    one, many = as_norm_of_one(s, mean_p, sd_p, mean_t, sd_t), float(as_norm(s, mean_p, sd_p, mean_t, sd_t))
    assert np.isnan(many) if one is None else one == pytest.approx(many)


def test_statistics_survive_their_file() -> None:
    statistics = template_statistics(faces(20), K)
    np.testing.assert_array_equal(unpack_statistics(pack_statistics(statistics)), statistics)


@pytest.mark.parametrize("content", [b"", b"\x93NUMPY", pack_statistics(np.zeros((3, 2), np.float32))[:-1]])
def test_what_is_no_such_file_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        unpack_statistics(content)


def test_rows_that_are_not_the_peoples_are_refused() -> None:
    with pytest.raises(ValueError, match="4 rows of cohort statistics for 3 people"):
        TemplateCohorts(K, enrolled(3), np.zeros((4, 2), dtype=np.float32))
