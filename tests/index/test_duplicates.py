"""Who looks like somebody else: every pair above its floor, the closest first, nothing twice."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index import duplicates
from hadir.index.duplicates import ClosePairs, find_close_pairs

FLAT = np.full((4, 4), 0.5, dtype=np.float32)


def crowd(sizes: list[int], seed: int) -> dict[str, Vectors]:
    rng = np.random.default_rng(seed)
    return {
        f"p{number:03d}": normalise(1 + rng.normal(size=(size, 8)) + rng.normal(size=(1, 8)))
        for number, size in enumerate(sizes)
    }


@given(sizes=st.lists(st.integers(1, 6), max_size=12), seed=st.integers(0, 1000), rows=st.integers(1, 5))
def test_every_pair_that_reaches_its_floor_is_found_once(sizes: list[int], seed: int, rows: int) -> None:
    people = crowd(sizes, seed)
    floors = np.array([[0.3 + 0.05 * (a + b) for b in range(4)] for a in range(4)], dtype=np.float32)
    expected = {
        (a, b)
        for a, b in combinations(sorted(people), 2)
        if fuse(people[a]) @ fuse(people[b]) >= floors[min(len(people[a]), 4) - 1, min(len(people[b]), 4) - 1]
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(duplicates, "_ROWS", rows)
        found = find_close_pairs(people, floors, 1000)
    assert {(pair.one, pair.other) for pair in found.pairs} == expected
    assert found.found == len(expected) == len(found.pairs)
    assert found.compared == len(people) * (len(people) - 1) // 2


def test_the_closest_come_first_and_the_rest_is_counted() -> None:
    people = crowd([1] * 30, seed=3)
    every = find_close_pairs(people, FLAT, 1000)
    few = find_close_pairs(people, FLAT, 3)
    assert few.found == every.found > 3
    assert few.pairs == every.pairs[:3]
    assert list(every.pairs) == sorted(every.pairs, key=lambda pair: (-pair.similarity, pair.one, pair.other))


def test_one_face_under_two_ids_is_at_the_top(faces: Callable[[int, int], Vectors]) -> None:
    photos = faces(40, 3).reshape(40, 3, -1)
    people = {f"p{number:02d}": photos[number] for number in range(40)}
    people["zz"] = photos[7]
    (pair, *_) = find_close_pairs(people, FLAT, 5).pairs
    assert (pair.one, pair.other) == ("p07", "zz")
    assert pair.similarity == pytest.approx(1.0)


def test_a_pair_without_a_floor_is_never_found(faces: Callable[[int, int], Vectors]) -> None:
    people = {"a": faces(1, 1), "b": faces(1, 1)}
    assert find_close_pairs(people, np.full((4, 4), np.inf, dtype=np.float32), 5).pairs == ()


@pytest.mark.parametrize("count", [0, 1])
def test_fewer_than_two_people_make_no_pair(count: int) -> None:
    assert find_close_pairs(crowd([1] * count, 0), FLAT, 5) == ClosePairs((), 0, 0)


def test_a_pair_is_named_in_order() -> None:
    face = normalise(np.ones((1, 8)))
    (pair,) = find_close_pairs({"b": face, "a": face}, FLAT, 5).pairs
    assert (pair.one, pair.other) == ("a", "b")
