"""Small state machines of the stream: watermarks, back-off, the crash budget, the partitioner, an assignment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.partitioner import murmur2 as kafka_murmur2

from hadir.core.clock import ManualClock
from hadir.core.errors import OffsetLost
from hadir.pipeline.assignment import Assignment
from hadir.pipeline.backoff import Backoff, BackoffPolicy
from hadir.pipeline.crash_budget import ATTEMPTS, first_attempt, split_after_crash
from hadir.pipeline.partitioner import murmur2, partition_of
from hadir.pipeline.ports import FaceJob, Record
from hadir.pipeline.watermarks import Watermark, Watermarks


def test_fetching_pauses_at_the_high_mark_and_resumes_at_the_low_one() -> None:
    mark = Watermark(Watermarks(high_records=4, low_records=2))
    for _ in range(4):
        assert not mark.should_pause()
        mark.add(1)
    assert mark.should_pause()
    assert mark.room() == 0
    mark.remove(1)
    assert mark.should_pause()
    mark.remove(1)
    assert not mark.should_pause()
    assert mark.room() == 2


def test_bytes_pause_as_records_do() -> None:
    mark = Watermark(Watermarks(high_bytes=100, low_bytes=50))
    mark.add(100)
    assert mark.should_pause()
    mark.remove(100)
    assert not mark.should_pause()


def test_the_wait_doubles_up_to_its_bound_and_success_ends_it() -> None:
    clock = ManualClock()
    backoff = Backoff(clock, BackoffPolicy(first_s=1.0, most_s=3.0))
    waits = []
    for _ in range(4):
        backoff.failed()
        waits.append(backoff.wait_s())
        clock.advance(backoff.wait_s())
        assert backoff.wait_s() == 0
    assert waits == [1.0, 2.0, 3.0, 3.0]
    backoff.worked()
    assert (backoff.failures, backoff.wait_s()) == (0, 0.0)


def test_a_long_outage_does_not_overflow() -> None:
    backoff = Backoff(ManualClock())
    for _ in range(5000):
        backoff.failed()
    assert backoff.wait_s() == 5.0


@given(st.integers(1, 64), st.data())
def test_the_poison_alone_is_spent_and_the_calls_stay_few(size: int, data: st.DataObject) -> None:
    jobs = [FaceJob(n, "p", (b"x",)) for n in range(size)]
    poison = data.draw(st.integers(0, size - 1))
    waiting, spent, fine, calls = [first_attempt(jobs)], [], [], 0
    while waiting:
        attempt = waiting.pop(0)
        calls += 1
        assert attempt.number < ATTEMPTS or len(attempt.jobs) == 1
        if poison in {job.ticket for job in attempt.jobs}:
            again, lost = split_after_crash(attempt)
            waiting += again
            spent += lost
        else:
            fine += [job.ticket for job in attempt.jobs]
    assert [(one.ticket, one.attempts) for one in spent] == [(poison, 3)]
    assert sorted([*fine, poison]) == list(range(size))
    assert calls <= 2 + 2 * (int(size**0.5) + 2)


@given(st.binary(max_size=64))
def test_keys_are_hashed_as_kafka_hashes_them(key: bytes) -> None:
    assert murmur2(key) == kafka_murmur2(key) & 0xFFFFFFFF
    assert partition_of(key, 12) == (kafka_murmur2(key) & 0x7FFFFFFF) % 12


def records(partition: int, *offsets: int) -> list[Record]:
    return [Record(partition, offset, 0, None, b"v") for offset in offsets]


def placed(*partitions: int) -> Assignment:
    held = Assignment(Watermarks())
    held.assigned(partitions)
    for partition in partitions:
        held.place(partition)
    return held


def test_records_of_a_partition_that_is_not_placed_are_not_handed_out() -> None:
    held = Assignment(Watermarks())
    held.assigned([1])
    assert not held.keep(records(1, 0, 1))
    held.place(1)
    assert held.keep(records(1, 5))
    assert [r.offset for r in held.take(9)] == [5]


def test_a_partition_that_comes_back_waits_until_its_loss_was_heard() -> None:
    held = placed(1)
    held.keep(records(1, 0))
    held.revoked([1])
    held.assigned([1])
    held.place(1)
    held.keep(records(1, 7))
    assert held.take(9) == []
    assert held.lost() == {1}
    assert [r.offset for r in held.take(9)] == [7]


def test_what_was_fetched_before_a_seek_is_forgotten() -> None:
    held = placed(1, 2)
    held.keep(records(1, 4, 5) + records(2, 0))
    held.seek({1: 2})
    held.keep(records(1, 6))
    assert [(r.partition, r.offset) for r in held.take(9)] == [(2, 0)]
    assert held.due_seeks() == {1: 2}
    held.keep(records(1, 2))
    assert [r.offset for r in held.take(9)] == [2]


def test_nothing_is_committed_or_sought_for_a_lost_partition() -> None:
    held = placed(1, 2)
    held.commit({1: 5, 2: 6})
    held.seek({1: 3})
    held.revoked([1])
    held.commit({1: 9})
    assert held.due_commits() == {2: 6}
    assert held.due_seeks() == {}


def test_a_commit_that_was_not_taken_is_due_again_unless_more_was_said_since() -> None:
    held = placed(0, 1)
    held.commit({0: 5, 1: 7})
    assert held.due_commits() == {0: 5, 1: 7}
    held.commit({0: 6})
    held.answered({0: 5, 1: 7}, taken=False)
    assert held.due_commits() == {0: 6, 1: 7}
    held.answered({0: 6, 1: 7}, taken=True)
    assert held.due_commits() == held.last_commits() == {}


def test_whoever_leaves_says_again_what_was_never_answered_but_nothing_of_a_lost_partition() -> None:
    held = placed(0, 1, 2)
    held.commit({0: 5, 1: 7})
    held.due_commits()
    held.commit({2: 9})
    held.revoked([1])
    held.answered({1: 7}, taken=False)
    assert held.last_commits() == {0: 5, 2: 9}
    assert held.last_commits() == {}


def test_a_failure_is_raised_at_the_next_take() -> None:
    held = placed(1)
    held.fail(OffsetLost("gone"))
    with pytest.raises(OffsetLost):
        held.take(1)


def test_fetching_stops_when_records_are_not_taken() -> None:
    held = Assignment(Watermarks(high_records=2, low_records=0))
    held.assigned([1])
    held.place(1)
    held.keep(records(1, 0, 1))
    assert held.wants_pause()
    held.take(2)
    assert not held.wants_pause()
    held.pause(True)
    assert held.wants_pause()
