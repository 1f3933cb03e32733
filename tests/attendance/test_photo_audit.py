"""Looking at everything again: copies that were decided without knowing of each other are named, others are not."""

from __future__ import annotations

from dataclasses import replace

from hadir.attendance.ledger import Ledger
from hadir.attendance.photo_audit import unnoticed_replays
from hadir.attendance.photo_memory import PhotoMemory
from hadir.core.clock import ManualClock
from tests.attendance.ledger_examples import START_MS, example_id
from tests.attendance.test_photo_memory import POLICY, a_batch, a_photo


def test_what_two_replicas_decided_at_the_same_moment_is_found_afterwards(ledger: Ledger) -> None:
    clock = ManualClock(START_MS + 60_000)
    one, other = (PhotoMemory(ledger.photos, POLICY, clock) for _ in range(2))
    earlier, later = a_photo(1, "x"), a_photo(4, "x", bits=2)
    assert (one.replays([[earlier]]), other.replays([[later]])) == ([()], [()])
    ledger.write(a_batch([earlier]))
    ledger.write(a_batch([later], expected=2))
    [found] = unnoticed_replays(ledger.photos, POLICY, clock)
    assert (found.photo, found.replay.of, found.replay.distance_bits) == (later, example_id(1), 2)


def test_what_a_verdict_speaks_of_is_not_named_again(ledger: Ledger) -> None:
    batch = a_batch([a_photo(1, "x"), a_photo(2, "x"), a_photo(3, "y")])
    noticed = tuple(
        replace(one, replayed=one.photo.number == 0 and one.photo.arrival.offset == 2) for one in batch.photos
    )
    ledger.write(replace(batch, photos=noticed))
    assert list(unnoticed_replays(ledger.photos, POLICY, ManualClock(START_MS))) == []


def test_more_than_one_block_is_looked_at(ledger: Ledger) -> None:
    photos = [a_photo(number, f"x-{number % 290}") for number in range(1, 320)]
    ledger.write(a_batch(photos))
    found = list(unnoticed_replays(ledger.photos, POLICY, ManualClock(START_MS)))
    assert [one.photo.check_in_id for one in found] == [example_id(number) for number in range(291, 320)]
