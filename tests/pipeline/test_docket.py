"""What is in hand: bounded over all partitions, and nothing is kept of a partition that was lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hadir.pipeline.batching import BatchLimit
from hadir.pipeline.docket import Docket
from hadir.pipeline.offsets import Track
from hadir.pipeline.ports import FaceJob, JobResult, PoolRoom, Record
from hadir.pipeline.watermarks import Watermarks
from tests.pipeline.world import START_MS, PhotoStage, a_check_in, check_in_message


def records(partition: int, offsets: Sequence[int], value: bytes | None = None) -> list[Record]:
    message = check_in_message(a_check_in())
    return [Record(partition, at, START_MS, message.key, value or message.value) for at in offsets]


@pytest.fixture
def docket() -> Docket:
    return Docket(Watermarks(), BatchLimit())


def submitted(docket: Docket) -> list[FaceJob]:
    return docket.next_batch(PoolRoom(1, 0))


def test_a_write_takes_so_many_records_of_all_partitions_together(docket: Docket) -> None:
    for partition in (0, 1, 2):
        docket.take(records(partition, range(5), b"?"))
    assert {p: len(entries) for p, entries in docket.ready(7).items()} == {0: 5, 1: 2}


def test_nothing_is_kept_of_a_partition_that_was_lost_and_its_result_is_dropped(docket: Docket) -> None:
    docket.take(records(0, [0]) + records(1, [0]))
    [lost, kept] = submitted(docket)
    docket.forget([0])
    assert len(docket) == 1
    assert docket.partitions == {1}
    assert docket.first_offset(0) is None
    assert docket.in_hand().with_workers == 1
    assert docket.snapshots() == frozenset()
    for job in (lost, kept):
        docket.resolve(JobResult(job.ticket, PhotoStage().process([job])[0], 1))
    assert docket.ready(10).keys() == {1}
    assert docket.snapshots() == {"snapshot-1"}
    assert docket.in_hand().with_workers == 0


def test_what_no_worker_has_yet_is_not_sent_to_one_after_its_partition_was_lost(docket: Docket) -> None:
    docket.take(records(0, [0]))
    docket.forget([0])
    assert submitted(docket) == []


def test_a_partition_that_comes_back_may_begin_anywhere(docket: Docket) -> None:
    docket.take(records(0, [7]))
    docket.forget([0])
    docket.take(records(0, [3], b"?"))
    assert docket.first_offset(0) == 3
    assert [entry.offset for entry in docket.ready(10)[0]] == [3]


def test_the_oldest_record_in_hand_is_where_a_partition_would_be_read_again(docket: Docket) -> None:
    docket.take(records(0, [4, 6], b"?"))
    assert docket.first_offset(0) == 4
    docket.settle({0: 5})
    assert docket.first_offset(0) == 6
    docket.settle({0: 7})
    assert (docket.first_offset(0), len(docket), docket.in_hand().oldest_received_at_ms) == (None, 0, None)


def test_what_is_durable_is_not_taken_again_though_it_was_never_seen() -> None:
    track = Track[str]()
    track.drop_below(10)
    with pytest.raises(ValueError, match="in order"):
        track.add(9, "decided by an earlier owner")
    assert track.add(10, "next").offset == 10
