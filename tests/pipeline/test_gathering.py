"""When a transaction waits for more verdicts, and when never."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from hadir.core.clock import ManualClock
from hadir.pipeline.batching import BatchLimit
from hadir.pipeline.gathering import Gathering, GatherPolicy
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.ports import FaceJob, JobResult, PoolRoom, Wake
from tests.pipeline.world import PhotoStage, World, a_check_in, check_in_message

POLICY = GatherPolicy(worth_records=96, most_s=0.25)


def gathering() -> tuple[Gathering, ManualClock]:
    clock = ManualClock()
    return Gathering(clock, POLICY), clock


def test_without_a_backlog_nothing_waits() -> None:
    state, _ = gathering()
    assert not state.should_wait(1, backlog=False)
    assert state.wait_s() == 0


def test_in_a_backlog_few_records_wait_for_more() -> None:
    state, _ = gathering()
    assert state.should_wait(95, backlog=True)
    assert not state.should_wait(96, backlog=True)


def test_a_backlog_that_ends_lets_go_at_once() -> None:
    state, _ = gathering()
    assert state.should_wait(32, backlog=True)
    assert not state.should_wait(32, backlog=False)


def test_records_that_trickle_in_do_not_put_off_the_first_one() -> None:
    state, clock = gathering()
    assert state.should_wait(1, backlog=True)
    clock.advance(0.125)
    assert state.should_wait(2, backlog=True)
    clock.advance(0.125)
    assert not state.should_wait(3, backlog=True)


def test_the_next_transaction_waits_anew() -> None:
    state, clock = gathering()
    state.should_wait(1, backlog=True)
    clock.advance(1)
    assert not state.should_wait(1, backlog=True)
    assert state.should_wait(1, backlog=True)


def test_the_loop_is_told_when_to_look_again() -> None:
    state, clock = gathering()
    state.should_wait(1, backlog=True)
    clock.advance(0.125)
    assert state.wait_s() == 0.125


@given(st.lists(st.tuples(st.integers(1, 95), st.floats(0, 0.2)), min_size=1))
def test_nobody_waits_longer_than_the_policy_says(rounds: list[tuple[int, float]]) -> None:
    state, clock = gathering()
    waited_s = 0.0
    for ready, pause_s in rounds:
        if state.should_wait(ready, backlog=True):
            assert waited_s < POLICY.most_s
            assert state.wait_s() > 0
            clock.advance(pause_s)
            waited_s += pause_s
        else:
            waited_s = 0.0


class SteadyPool(InlinePool):
    """One worker that finishes one batch per round, on the loop's own thread, and has another one queued if it can."""

    def __init__(self) -> None:
        super().__init__(PhotoStage)
        self._stage_here = PhotoStage()
        self._queue: deque[Sequence[FaceJob]] = deque()
        self.batches = 0

    def start(self, wake: Wake) -> None:
        del wake

    def room(self) -> PoolRoom:
        return PoolRoom(idle=int(not self._queue), queueable=int(len(self._queue) == 1))

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        self._queue.append(jobs)
        self.batches += 1

    def take(self) -> list[JobResult]:
        jobs = self._queue.popleft() if self._queue else []
        return [JobResult(j.ticket, f, 1) for j, f in zip(jobs, self._stage_here.process(jobs), strict=True)]


def test_the_loop_writes_a_backlog_in_fewer_transactions_than_batches_and_ends_with_every_row(tmp_path: Path) -> None:
    world, pool = World(tmp_path), SteadyPool()
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(64)))
    world.intake(pool=pool, limits=IntakeLimits(batch=BatchLimit(photos=4))).run_until_idle()
    assert pool.batches == 16
    assert len(world.seen.written) < 8
    assert world.ledger.counts().rows == 64
    world.ledger.close()
