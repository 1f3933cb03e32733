"""Natural batching: the idle get what there is, the busy only what is full."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hadir.pipeline.batching import Batcher, BatchLimit
from hadir.pipeline.ports import FaceJob, PoolRoom

IDLE, BUSY, FULL = PoolRoom(1, 0), PoolRoom(0, 1), PoolRoom(0, 0)


def filled(*photos: int, size: int = 10, limit: BatchLimit | None = None) -> Batcher:
    batcher = Batcher(limit or BatchLimit(photos=8, size_bytes=1000))
    for ticket, count in enumerate(photos):
        batcher.put(FaceJob(ticket, "p", (b"x" * size,) * count))
    return batcher


def tickets(batch: list[FaceJob]) -> list[int]:
    return [job.ticket for job in batch]


def test_a_partial_batch_goes_to_an_idle_worker_at_once() -> None:
    assert tickets(filled(1, 2).next_batch(IDLE)) == [0, 1]


def test_a_partial_batch_is_not_queued_behind_a_running_one() -> None:
    assert filled(1, 2, 4).next_batch(BUSY) == []


def test_a_full_batch_is_queued_behind_a_running_one() -> None:
    assert tickets(filled(4, 4, 1).next_batch(BUSY)) == [0, 1]


def test_the_byte_limit_fills_a_batch_too() -> None:
    assert tickets(filled(1, 1, 1, size=500).next_batch(BUSY)) == [0, 1]


def test_nothing_goes_to_a_pool_without_room() -> None:
    assert filled(8, 8).next_batch(FULL) == []


def test_nothing_waits_nothing_goes() -> None:
    assert filled().next_batch(IDLE) == []


def test_a_check_ins_photos_stay_together() -> None:
    batcher = filled(3, 3, 3)
    assert tickets(batcher.next_batch(IDLE)) == [0, 1]
    assert tickets(batcher.next_batch(IDLE)) == [2]


def test_one_over_the_limit_alone_goes_alone() -> None:
    batcher = filled(1, 1, size=5000)
    assert tickets(batcher.next_batch(IDLE)) == [0]
    assert tickets(batcher.next_batch(IDLE)) == [1]


def test_forgotten_jobs_are_not_sent_and_do_not_count() -> None:
    batcher = filled(4, 4, 1)
    batcher.forget({0})
    assert batcher.next_batch(BUSY) == []
    assert tickets(batcher.next_batch(IDLE)) == [1, 2]


@given(st.lists(st.integers(1, 4), max_size=60), st.lists(st.sampled_from([IDLE, BUSY, FULL]), max_size=60))
def test_every_job_goes_once_in_order_and_within_the_limit(photos: list[int], rooms: list[PoolRoom]) -> None:
    batcher = filled(*photos)
    batches = [batch for room in rooms if (batch := batcher.next_batch(room))]
    while batch := batcher.next_batch(IDLE):
        batches.append(batch)
    assert [ticket for batch in batches for ticket in tickets(batch)] == list(range(len(photos)))
    assert all(sum(len(job.photos) for job in batch) <= 8 for batch in batches)
    assert len(batcher) == 0
