"""Closest impostors and weakest people against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

from hadir.index.evaluation import lay_out
from hadir.index.noteworthy import closest_impostors, weakest_people
from hadir.index.scores import score
from tests.index.random_photos import photos_of


@pytest.mark.parametrize("photos", [1, 2])
def test_closest_impostors_are_the_most_similar_pairs_of_people_each_once(photos: int) -> None:
    vectors, labels = photos_of([4] * 12, spread=0.8)
    compared = lay_out(vectors, labels, photos)
    best: dict[tuple[int, int], float] = {}
    for p, template in np.ndindex(len(compared.probes), len(compared.templates)):
        pair = tuple(sorted((int(compared.probe_owners[p]), int(compared.template_owners[template]))))
        if pair[0] != pair[1]:
            similarity = float(compared.probes[p] @ compared.templates[template])
            best[pair[0], pair[1]] = max(best.get((pair[0], pair[1]), -1.0), similarity)
    expected = sorted(best.items(), key=lambda item: -item[1])
    for most in (5, 66, 100):
        found = closest_impostors(compared, score(compared), most)
        assert [tuple(sorted(pair.people)) for pair in found] == [pair for pair, _ in expected[:most]]
        assert [pair.similarity for pair in found] == pytest.approx([s for _, s in expected[:most]], abs=1e-6)


def test_the_photos_of_a_close_pair_are_those_that_scored() -> None:
    vectors, labels = photos_of([3] * 8, spread=0.8)
    for pair in closest_impostors(lay_out(vectors, labels), score(lay_out(vectors, labels)), 10):
        assert float(vectors[pair.photos[0]] @ vectors[pair.photos[1]]) == pytest.approx(pair.similarity, abs=1e-6)
        assert tuple(labels[photo] for photo in pair.photos) == tuple(f"p{person:03d}" for person in pair.people)


def test_a_photo_of_somebody_else_makes_its_person_the_weakest_and_is_named() -> None:
    vectors, labels = photos_of([4] * 10, spread=0.2)
    vectors[4 * 7 + 2] = vectors[0]
    weakest = weakest_people(lay_out(vectors, labels), score(lay_out(vectors, labels)))
    assert (weakest[0].person, weakest[0].photo, weakest[0].comparisons) == (7, 30, 6)
    assert [person.lowest for person in weakest] == sorted(person.lowest for person in weakest)
    assert len(weakest) == 10
    assert weakest_people(lay_out(vectors, labels), score(lay_out(vectors, labels)), most=3) == weakest[:3]


def test_people_without_a_comparison_of_their_own_are_not_weak() -> None:
    vectors, labels = photos_of([1, 2, 1, 2])
    compared = lay_out(vectors, labels)
    assert {person.person for person in weakest_people(compared, score(compared))} == {1, 3}
