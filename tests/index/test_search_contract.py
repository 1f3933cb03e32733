"""What every face index promises: one suite, run on FAISS, on the oracle, and on FAISS in shards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.errors import SpaceMismatch
from hadir.core.vectors import Vectors, normalise
from hadir.index.flat import build_flat_index
from hadir.index.oracle import OracleIndex
from hadir.index.people import EnrolledPerson, check_people
from hadir.index.search import FaceIndex
from hadir.index.shards import ShardedIndex

Build = Callable[[Vectors, Sequence[EnrolledPerson], str], FaceIndex]


def build_sharded(vectors: Vectors, people: Sequence[EnrolledPerson], space: str) -> FaceIndex:
    """Three shards; people are dealt like cards, so that any two neighbours lie in different ones."""
    check_people(people, len(vectors))
    return ShardedIndex.over([build_flat_index(vectors[n::3], people[n::3], space) for n in range(3)])


BUILDERS: list[Build] = [build_flat_index, OracleIndex, build_sharded]
SPACE = "space-a"
CLOSE = 1e-5


@pytest.fixture(params=BUILDERS, ids=["flat", "oracle", "sharded"])
def build(request: pytest.FixtureRequest) -> Build:
    builder: Build = request.param
    return builder


def crowd(count: int, dimension: int = 16, seed: int = 0) -> Vectors:
    return normalise(np.random.default_rng(seed).normal(loc=0.5, size=(count, dimension)))


def named(count: int, synthetic: Sequence[int] = ()) -> list[EnrolledPerson]:
    return [EnrolledPerson(f"p{row:04d}", photos=1 + row % 4, synthetic=row in synthetic) for row in range(count)]


def basis(*rows: int, dimension: int = 4) -> Vectors:
    return np.eye(dimension, dtype=np.float32)[list(rows)]


def test_claimed_person_and_photos_are_reported_apart_from_others(build: Build) -> None:
    vectors, people = crowd(50), named(50)
    (result,) = build(vectors, people, SPACE).search(vectors[7:8], ["p0007"], SPACE)
    assert result.claimed is not None
    assert (result.claimed.person, result.claimed.photos) == ("p0007", 4)
    assert result.claimed.similarity == pytest.approx(1.0, abs=CLOSE)
    assert "p0007" not in {c.person for c in result.others}
    assert len(result.cohort) == 49


def test_person_without_template_has_no_claimed_and_everyone_is_other(build: Build) -> None:
    vectors, people = crowd(5), named(5)
    results = build(vectors, people, SPACE).search(vectors[[3, 3]], ["nobody", None], SPACE)
    for result in results:
        assert result.claimed is None
        assert result.others[0].person == "p0003"
        assert len(result.cohort) == 5


def test_others_and_cohort_are_the_highest_in_descending_order(build: Build) -> None:
    vectors, people = crowd(300), named(300)
    probe = crowd(1, seed=9)
    (result,) = build(vectors, people, SPACE).search(probe, ["p0010"], SPACE, cohort=20)
    scores = sorted((float(vectors[row] @ probe[0]) for row in range(300) if row != 10), reverse=True)
    assert result.cohort == pytest.approx(scores[:20], abs=CLOSE)
    assert [c.similarity for c in result.others] == pytest.approx(scores[:2], abs=CLOSE)


@pytest.mark.parametrize("claimed", [None, "p0003"])
def test_the_cohort_says_how_many_photos_each_template_has(build: Build, claimed: str | None) -> None:
    people = [EnrolledPerson(f"p{n:04d}", photos=1 + n % 6) for n in range(30)]
    vectors = crowd(30)
    (result,) = build(vectors, people, SPACE).search(vectors[3:4], [claimed], SPACE, cohort=12)
    scores = vectors @ vectors[3]
    ranked = [n for n in np.argsort(-scores) if people[n].person != claimed][:12]
    assert result.cohort_photos is not None
    assert result.cohort_photos.tolist() == [min(people[n].photos, 4) for n in ranked]


def test_exact_duplicates_are_ordered_by_person(build: Build) -> None:
    vectors = basis(0, 0, 0, 1)
    people = [EnrolledPerson(person, 1) for person in ("c", "a", "b", "d")]
    (result,) = build(vectors, people, SPACE).search(basis(0), [None], SPACE)
    assert [c.person for c in result.others] == ["a", "b"]


def test_more_duplicates_than_the_cohort_still_name_the_first_people(build: Build) -> None:
    vectors = np.repeat(basis(0), 500, axis=0)
    people = named(500)[::-1]
    (result,) = build(vectors, people, SPACE).search(basis(0), ["p0000"], SPACE, cohort=5)
    assert [c.person for c in result.others] == ["p0001", "p0002"]
    assert result.cohort == pytest.approx([1.0] * 5)


def test_fewer_people_than_asked_for_are_all_there_is(build: Build) -> None:
    (result,) = build(basis(0), named(1), SPACE).search(basis(1), ["p0000"], SPACE, cohort=100)
    assert result.claimed is not None
    assert result.claimed.similarity == pytest.approx(0.0, abs=CLOSE)
    assert (result.others, len(result.cohort)) == ((), 0)


def test_empty_index_answers_with_nothing(build: Build) -> None:
    index = build(np.empty((0, 4), dtype=np.float32), [], SPACE)
    assert len(index) == 0
    (result,) = index.search(basis(0), ["p0000"], SPACE)
    assert (result.claimed, result.others, len(result.cohort)) == (None, (), 0)


def test_no_probes_give_no_answers(build: Build) -> None:
    assert build(crowd(20), named(20), SPACE).search(np.empty((0, 16), dtype=np.float32), [], SPACE) == []


def test_synthetic_people_are_found_and_flagged_but_not_in_the_cohort(build: Build) -> None:
    vectors = crowd(40)
    index = build(vectors, named(40, synthetic=range(5, 40)), SPACE)
    (result,) = index.search(vectors[20:21], ["p0000"], SPACE, cohort=30)
    assert (result.others[0].person, result.others[0].synthetic) == ("p0020", True)
    assert result.cohort == pytest.approx(sorted(vectors[1:5] @ vectors[20], reverse=True), abs=CLOSE)


def test_synthetic_person_can_be_claimed(build: Build) -> None:
    vectors = crowd(40)
    (result,) = build(vectors, named(40, synthetic=range(20)), SPACE).search(vectors[3:4], ["p0003"], SPACE)
    assert result.claimed is not None
    assert (result.claimed.person, result.claimed.synthetic) == ("p0003", True)
    assert len(result.cohort) == 20


def test_index_of_synthetic_people_only_has_no_cohort(build: Build) -> None:
    vectors = crowd(12)
    (result,) = build(vectors, named(12, synthetic=range(12)), SPACE).search(vectors[:1], ["p0000"], SPACE)
    assert len(result.others) == 2
    assert len(result.cohort) == 0


def test_another_space_is_refused_by_both_names(build: Build) -> None:
    with pytest.raises(SpaceMismatch, match=r"space-a.*space-b"):
        build(crowd(3), named(3), SPACE).search(crowd(1), [None], "space-b")


@pytest.mark.parametrize(
    "probe",
    [np.full((1, 16), np.nan), np.zeros((1, 16)), np.full((1, 16), 2.0), crowd(1, dimension=8), crowd(1)[0]],
    ids=["nan", "zero", "not unit", "dimension", "shape"],
)
def test_probe_that_is_no_unit_vector_is_refused_at_the_door(build: Build, probe: Vectors) -> None:
    with pytest.raises(ValueError, match="vector"):
        build(crowd(3), named(3), SPACE).search(probe.astype(np.float32), [None] * len(probe), SPACE)


def test_claims_must_be_parallel_to_probes(build: Build) -> None:
    with pytest.raises(ValueError, match="2 claimed people for 1 probes"):
        build(crowd(3), named(3), SPACE).search(crowd(1), [None, None], SPACE)


def test_negative_cohort_is_refused(build: Build) -> None:
    with pytest.raises(ValueError, match="cohort of -1"):
        build(crowd(3), named(3), SPACE).search(crowd(1), [None], SPACE, cohort=-1)


def test_two_rows_for_one_person_are_refused(build: Build) -> None:
    with pytest.raises(ValueError, match="2 rows name 1 people"):
        build(crowd(2), [EnrolledPerson("a", 1), EnrolledPerson("a", 1)], SPACE)


def test_vectors_and_people_must_be_parallel(build: Build) -> None:
    with pytest.raises(ValueError, match="1 people for 2 vectors"):
        build(crowd(2), named(1), SPACE)


@st.composite
def questions(draw: st.DrawFn) -> tuple[Vectors, list[EnrolledPerson], Vectors, list[str | None], int]:
    """Few directions and many people, so that exact duplicates are the rule; people in no order."""
    directions = crowd(draw(st.integers(1, 6)), seed=draw(st.integers(0, 99)))
    rows = draw(st.lists(st.integers(0, len(directions) - 1), min_size=0, max_size=60))
    names = draw(st.permutations(range(len(rows))))
    flags = draw(st.lists(st.booleans(), min_size=len(rows), max_size=len(rows)))
    people = [EnrolledPerson(f"p{n:02d}", 1, flag) for n, flag in zip(names, flags, strict=True)]
    probe_rows = draw(st.lists(st.integers(0, len(directions) - 1), min_size=1, max_size=4))
    claims = st.none() | st.integers(0, 70).map(lambda n: f"p{n:02d}")
    claimed = [draw(claims) for _ in probe_rows]
    vectors = directions[rows] if rows else directions[:0]
    return vectors, people, directions[probe_rows], claimed, draw(st.integers(0, 70))


@given(questions())
def test_faiss_agrees_with_the_oracle_on_ties_and_order(
    question: tuple[Vectors, list[EnrolledPerson], Vectors, list[str | None], int],
) -> None:
    vectors, people, probes, claimed, cohort = question
    ours = build_flat_index(vectors, people, SPACE).search(probes, claimed, SPACE, cohort)
    theirs = OracleIndex(vectors, people, SPACE).search(probes, claimed, SPACE, cohort)
    for one, other in zip(ours, theirs, strict=True):
        assert one.claimed == other.claimed
        assert [c.person for c in one.others] == [c.person for c in other.others]
        assert [c.similarity for c in one.others] == pytest.approx([c.similarity for c in other.others], abs=CLOSE)
        assert one.cohort == pytest.approx(other.cohort, abs=CLOSE)


@given(seed=st.integers(0, 10_000), spread=st.sampled_from([1e-7, 1e-6, 1e-5, 1e-3, 1.0]), batch=st.integers(1, 40))
def test_faiss_names_the_oracles_people_unless_closer_than_1e_5(seed: int, spread: float, batch: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = normalise(np.ones((400, 128)) + spread * rng.normal(size=(400, 128)))
    probes = normalise(np.ones((batch, 128)) + spread * rng.normal(size=(batch, 128)))
    people = named(400, synthetic=range(0, 400, 3))
    claimed = [f"p{n:04d}" for n in range(batch)]
    ours = build_flat_index(vectors, people, SPACE).search(probes, claimed, SPACE)
    for one, other in zip(ours, OracleIndex(vectors, people, SPACE).search(probes, claimed, SPACE), strict=True):
        assert one.cohort == pytest.approx(other.cohort, abs=CLOSE)
        for mine, right in zip(one.others, other.others, strict=True):
            assert mine.person == right.person or abs(mine.similarity - right.similarity) < CLOSE


def test_people_whom_float32_cannot_tell_apart_are_named_as_the_oracle_names_them() -> None:
    rng = np.random.default_rng(3)
    vectors = normalise(np.ones((400, 128)) + 1e-6 * rng.normal(size=(400, 128)))
    probes = normalise(np.ones((20, 128)) + 0.1 * rng.normal(size=(20, 128)))
    people, nobody = named(400), [None] * 20
    ours = build_flat_index(vectors, people, SPACE).search(probes, nobody, SPACE)
    theirs = OracleIndex(vectors, people, SPACE).search(probes, nobody, SPACE)
    assert [[c.person for c in r.others] for r in ours] == [[c.person for c in r.others] for r in theirs]
