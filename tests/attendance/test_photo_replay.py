"""When a photo counts as sent before: earlier by reception, inside the window, the same bytes or a near mark."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.photo_replay import Arrival, ReplayPolicy, SentPhoto, replays_of, sent_photos
from hadir.core.check_in import Channel, CheckIn, Direction, Position, Received
from hadir.core.evidence import PhotoFinding
from hadir.core.verdict import Reason
from tests.attendance.decide_examples import finding

DAY_MS = 86_400_000
POLICY = ReplayPolicy(window_ms=30 * DAY_MS, distance_bits=20, near_decides=True)
NOW = Arrival(100 * DAY_MS, 1, 50)


def mark(bits: int = 0, kind: int = 1) -> bytes:
    """A mark that differs in so many bits from `mark()`."""
    return bytes((kind,)) + ((1 << bits) - 1).to_bytes(32, "big")


def photo(
    check_in: str, arrival: Arrival = NOW, digest: str = "aa", bits: int | None = 0, person: str = "a"
) -> SentPhoto:
    return SentPhoto(check_in, 0, person, arrival, digest.encode(), None if bits is None else mark(bits))


NEW = photo("new")


def earlier(**changes: object) -> SentPhoto:
    before = photo("old", Arrival(NOW.received_at_ms - DAY_MS, 0, 7), "bb", None)
    return replace(before, **changes)  # type: ignore[arg-type]  # any field of a photo


def test_the_same_bytes_are_a_replay_whatever_the_marks_say() -> None:
    old = earlier(sha256=NEW.sha256, person="b", number=2)
    [found] = replays_of([NEW], [old], POLICY)
    assert (found.of, found.of_photo, found.exact, found.same_person, found.decides) == ("old", 2, True, False, True)


@pytest.mark.parametrize(("bits", "found"), [(0, True), (20, True), (21, False)])
def test_a_mark_is_near_up_to_the_distance(bits: int, found: bool) -> None:
    replays = replays_of([NEW], [earlier(mark=mark(bits))], POLICY)
    assert [(one.exact, one.distance_bits) for one in replays] == ([(False, bits)] if found else [])


def test_a_near_copy_that_is_only_recorded_does_not_decide_and_the_same_bytes_still_do() -> None:
    recording = replace(POLICY, near_decides=False)
    [near] = replays_of([NEW], [earlier(mark=mark(3))], recording)
    [same] = replays_of([NEW], [earlier(sha256=NEW.sha256)], recording)
    assert (near.decides, same.decides) == (False, True)


def test_marks_of_two_kinds_are_never_compared() -> None:
    assert replays_of([NEW], [earlier(mark=mark(0, kind=2))], POLICY) == ()


@pytest.mark.parametrize(
    ("arrival", "found"),
    [
        (Arrival(NOW.received_at_ms - 30 * DAY_MS, 0, 0), True),
        (Arrival(NOW.received_at_ms - 30 * DAY_MS - 1, 0, 0), False),
        (Arrival(NOW.received_at_ms, 0, 99), True),
        (Arrival(NOW.received_at_ms, 1, 49), True),
        (Arrival(NOW.received_at_ms, 1, 51), False),
        (Arrival(NOW.received_at_ms, 2, 0), False),
        (Arrival(NOW.received_at_ms + 1, 0, 0), False),
    ],
)
def test_only_what_was_received_before_and_inside_the_window_counts(arrival: Arrival, found: bool) -> None:
    assert bool(replays_of([NEW], [earlier(sha256=NEW.sha256, arrival=arrival)], POLICY)) is found


def test_photos_of_one_check_in_are_not_replays_of_each_other() -> None:
    assert replays_of([NEW, replace(NEW, number=1)], [NEW, replace(NEW, number=1)], POLICY) == ()


def test_the_earliest_with_the_same_bytes_is_named_before_any_near_one() -> None:
    first, second = (Arrival(NOW.received_at_ms - days * DAY_MS, 0, 0) for days in (3, 2))
    others = [
        earlier(check_in_id="second", arrival=second, sha256=NEW.sha256),
        earlier(check_in_id="near", arrival=Arrival(0, 0, 0), mark=mark(0)),
        earlier(check_in_id="first", arrival=first, sha256=NEW.sha256),
    ]
    assert [one.of for one in replays_of([NEW], others, POLICY)] == ["first"]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3), st.integers(0, 20)), unique=True, max_size=6))
def test_of_equal_photos_exactly_the_first_received_is_none(places: list[tuple[int, int, int]]) -> None:
    """However many arrive, and in whatever order they are looked at."""
    photos = [photo(str(at), Arrival(*place)) for at, place in enumerate(places)]
    flagged = {one.check_in_id for one in photos if replays_of([one], photos, POLICY)}
    in_order = sorted(photos, key=lambda one: one.arrival)
    assert flagged == {one.check_in_id for one in in_order[1:]}


def _received(photos: int, valid: bool = True) -> Received:
    check_in = CheckIn("id", "a", Direction.IN, Channel.FACE, 0, None, (b"x",) * photos)
    digests = tuple(f"{at:064x}" for at in range(photos))
    return Received("id", "a", Position(2, 3), 4, "", check_in if valid else None, photo_sha256=digests)


def test_what_cannot_be_read_as_a_photo_is_not_remembered() -> None:
    face = replace(
        finding(),
        photos=(PhotoFinding(Reason.PHOTO_EMPTY), PhotoFinding(Reason.NO_FACE), PhotoFinding(None, mark=mark())),
    )
    found = sent_photos(_received(3), face)
    assert [(one.number, one.mark, one.sha256[-1]) for one in found] == [(1, None, 1), (2, mark(), 2)]
    assert {one.arrival for one in found} == {Arrival(4, 2, 3)}


def test_photos_that_killed_their_worker_are_remembered_by_their_bytes() -> None:
    assert [one.mark for one in sent_photos(_received(2), None)] == [None, None]


def test_a_record_without_a_valid_claim_brings_no_photos() -> None:
    assert sent_photos(_received(1, valid=False), None) == ()
