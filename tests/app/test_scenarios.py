"""The demo's plan: the same for a seed, whole, and right about what must become of each record."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from hadir.app.demo_people import FEWEST_PEOPLE, RealPerson, crowd_of
from hadir.app.demo_site import assign_units
from hadir.app.scenarios import Cast, Planned, plan
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.codec import decode
from hadir.pipeline.ports import Record

NOW_MS = 1_790_000_000_000


def planned(people: list[RealPerson], seed: int) -> list[Planned]:
    enrolled = people[:-1]
    unit = assign_units([person.person for person in enrolled])
    return plan(Cast(enrolled, people[-1], unit, crowd_of(people), NOW_MS, np.random.default_rng(seed)))


@pytest.fixture(scope="module")
def records(people: list[RealPerson]) -> list[Planned]:
    return planned(people, 1)


def test_one_seed_makes_one_plan_and_another_another(people: list[RealPerson], records: list[Planned]) -> None:
    assert planned(people, 1) == records
    assert [one.value for one in planned(people, 2)] != [one.value for one in records]


def test_it_is_at_least_the_two_hundred_that_were_promised(records: list[Planned]) -> None:
    assert len(records) >= 200


def test_every_id_is_expected_once_and_what_leaves_no_row_is_not_expected(records: list[Planned]) -> None:
    ids = [one.expected.id for one in records if one.expected is not None]
    assert len(set(ids)) == len(ids)
    assert {one.label for one in records if one.expected is None} == {"duplicate", "id conflict", "undecodable"}


def test_a_duplicate_is_the_same_bytes_and_a_conflict_is_not(records: list[Planned]) -> None:
    for before, copy in pairwise(records):
        if copy.label in {"duplicate", "id conflict"}:
            assert before.key == copy.key
            assert (before.value == copy.value) is (copy.label == "duplicate")


def test_a_photo_that_is_sent_again_follows_its_first_under_another_id(records: list[Planned]) -> None:
    pairs = [(before, copy) for before, copy in pairwise(records) if copy.label == "photo sent again"]
    assert len(pairs) == 3
    for before, copy in pairs:
        first, again = (decode(Record(0, 0, NOW_MS, one.key.encode(), one.value, ())) for one in (before, copy))
        assert first.photo_sha256 == again.photo_sha256
        assert first.id != again.id
        assert copy.expected is not None
        assert (copy.expected.outcome, copy.expected.reason) == (Outcome.REVIEW, Reason.PHOTO_REPLAYED.value)


@pytest.mark.parametrize("seed", range(5))
def test_the_third_stranger_at_one_person_is_expected_at_a_human(people: list[RealPerson], seed: int) -> None:
    faces = [one.expected for one in planned(people, seed) if one.label == "stranger" and one.expected is not None]
    assert [one.outcome for one in faces] == [Outcome.REJECTED] * 2 + [Outcome.REVIEW] * (len(faces) - 2)
    assert {one.reason for one in faces} == {Reason.FACE_MISMATCH.value}
    assert len(faces) >= 3


def test_records_are_what_any_client_would_send(records: list[Planned]) -> None:
    for number, one in enumerate(records):
        if one.label in {"undecodable", "invalid field"}:
            continue
        received = decode(Record(0, number, NOW_MS, one.key.encode(), one.value, ()))
        assert received.check_in is not None
        assert received.check_in.person == one.key


@pytest.mark.parametrize("count", [FEWEST_PEOPLE, 8])
def test_it_can_be_played_with_few_people(people: list[RealPerson], count: int) -> None:
    labels = Counter(one.label for one in planned(people[:count], 3))
    assert labels.keys() >= {"honest", "colleague", "stranger", "no shift", "fingerprint", "paper", "unreadable"}
