"""How long a batch took is told with what was found, by whoever let the stage work."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence

import pytest

from hadir.core.evidence import FaceFinding
from hadir.core.timings import BatchTimes
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.ports import FaceJob
from hadir.pipeline.worked import work
from tests.pipeline.timed_stage import TimedStage
from tests.pipeline.world import PhotoStage

JOBS = [FaceJob(1, "p-1", (b"good", b"good")), FaceJob(2, "p-2", (b"bad",))]
PATIENCE_S = 30.0


class Forgetful:
    """Loses a check-in."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        return PhotoStage().process(jobs[1:])


def test_a_stage_that_measures_itself_is_told_by_stage() -> None:
    worked = work(TimedStage(), JOBS)
    assert len(worked.findings) == 2
    assert (worked.times.photos, worked.times.stages) == (3, TimedStage.SPENT)
    assert worked.times.busy_s > 0


def test_one_that_does_not_is_busy_all_the_same() -> None:
    worked = work(PhotoStage(), JOBS)
    assert worked.times.stages == {}
    assert worked.times.busy_s > 0


def test_a_batch_with_too_few_findings_is_a_failure() -> None:
    with pytest.raises(ValueError, match="1 findings for 2 check-ins"):
        work(Forgetful(), JOBS)


@pytest.fixture
def took() -> Iterator[tuple[InlinePool, threading.Event, list[BatchTimes]]]:
    told: list[BatchTimes] = []
    pool, bell = InlinePool(TimedStage, told.append), threading.Event()
    pool.start(bell.set)
    yield pool, bell, told
    pool.close()


def test_the_inline_pool_tells_it_where_results_are_taken(
    took: tuple[InlinePool, threading.Event, list[BatchTimes]],
) -> None:
    pool, bell, told = took
    pool.submit(JOBS)
    assert bell.wait(PATIENCE_S)
    assert not told, "on the loop's thread alone"
    assert len(pool.take()) == 2
    assert [times.photos for times in told] == [3]
    pool.take()
    assert len(told) == 1


def test_a_batch_that_crashed_has_no_times(took: tuple[InlinePool, threading.Event, list[BatchTimes]]) -> None:
    pool, bell, told = took
    pool.submit([FaceJob(1, "p-1", (b"crash",))])
    while not pool.take():
        assert bell.wait(PATIENCE_S)
        bell.clear()
    assert not told
