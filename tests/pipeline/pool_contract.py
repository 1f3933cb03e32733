"""The contract of `hadir.pipeline.ports.Pool`, for every implementer.

How to join: in your test module write

    from tests.pipeline.pool_contract import PoolContract, MarkedStage

    class TestMyPool(PoolContract):
        @pytest.fixture
        def make_pool(self) -> Iterator[MakePool]:
            pools = []
            def make(stage_factory):            # a picklable callable without arguments that builds a stage
                pool = MyPool(stage_factory)
                pools.append(pool)
                return pool
            yield make
            for pool in pools:
                pool.close()

The stage is `MarkedStage`: cheap, and obedient to marks in a photo's bytes. `crash` is raised as an error inside the
worker; `die` ends the worker's process, and is used only where `worker_is_a_process` is True. The suite starts each
pool itself and waits through `Wake` alone, never by sleeping.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from hadir.core.errors import PackError, PoolBusy
from hadir.core.evidence import FaceFinding, PhotoFinding
from hadir.core.low_priority import NICENESS
from hadir.pipeline.ports import Exchange, ExchangePhase, FaceJob, JobResult, Pool

__all__ = [
    "PATIENCE_S",
    "Bell",
    "FailingFactory",
    "MakePool",
    "MarkedStage",
    "PoolContract",
    "StageFactory",
    "drain",
    "exchange",
    "jobs_of",
    "names_of",
]

PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class MarkedStage:
    """Looks at no faces: `usable` is the number of photos, and marks in the bytes make it fail. Its `name` is the
    finding's snapshot."""

    name: str = "marked"

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        photos = [photo for job in jobs for photo in job.photos]
        if any(photo.startswith(b"die") for photo in photos):
            os._exit(139)
        if any(photo.startswith(b"crash") for photo in photos):
            raise RuntimeError("a marked photo")
        if any(photo.startswith(b"heavy") for photo in photos):
            sum(range(2_000_000))  # long enough that a caller that never waits finds the pool full
        findings = [self._finding(job) for job in jobs]
        return findings[:-1] if any(photo.startswith(b"short") for photo in photos) else findings

    def _finding(self, job: FaceJob) -> FaceFinding:
        photos = tuple(PhotoFinding(None) for _ in job.photos)
        return FaceFinding(photos, len(photos), None, True, None, (), None, job.person, self.name)


StageFactory = Callable[[], MarkedStage]
MakePool = Callable[[StageFactory], Pool]


class FailingFactory:
    """A stage that cannot be built."""

    def __call__(self) -> MarkedStage:
        raise PackError("the descriptor's file is cut short: fetch the pack again")


class BackgroundFactory:
    """A stage that is named after the priority of the thread that built it."""

    def __call__(self) -> MarkedStage:
        own = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
        return MarkedStage("behind" if own >= NICENESS else "in front")


class PartingStage(MarkedStage):
    """Leaves a file behind when nobody holds it any more; the name is the file's."""

    def __del__(self) -> None:
        Path(self.name).touch()


def jobs_of(photos: Sequence[bytes], first_ticket: int = 0) -> list[FaceJob]:
    """One job per photo; the person's name tells the finding apart."""
    return [FaceJob(first_ticket + n, f"person-{first_ticket + n}", (photo,)) for n, photo in enumerate(photos)]


class Bell:
    """A Wake to wait on."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def __call__(self) -> None:
        self._event.set()

    def wait(self) -> None:
        assert self._event.wait(PATIENCE_S), "the pool never woke its caller"
        self._event.clear()


def drain(pool: Pool, bell: Bell, batches: Sequence[Sequence[FaceJob]]) -> list[JobResult]:
    """Submit every batch as room allows and take results until every job has come back."""
    waiting = [list(batch) for batch in batches]
    expected = sum(map(len, waiting))
    results: list[JobResult] = []
    while len(results) < expected:
        taken = pool.take()
        results += taken
        room = pool.room()
        free = room.idle + room.queueable
        for batch in waiting[:free]:
            pool.submit(batch)
        submitted = min(free, len(waiting))
        waiting = waiting[free:]
        if not taken and not submitted:
            bell.wait()
    return results


def exchange(pool: Pool, bell: Bell, factory: StageFactory) -> tuple[Exchange, list[JobResult]]:
    """Exchange the stage and wait for the end of it; results that came meanwhile."""
    pool.exchange(factory)
    results: list[JobResult] = []
    while pool.exchanged().under_way:
        bell.wait()
        results += pool.take()
    return pool.exchanged(), results


def names_of(results: Sequence[JobResult]) -> set[str]:
    """The stages that made these."""
    return {result.finding.snapshot for result in results if result.finding is not None}


class PoolContract:
    """Subclass, and give the fixture `make_pool`."""

    worker_is_a_process = False

    def _marks(self) -> list[bytes]:
        return [b"crash", b"short", *([b"die"] if self.worker_is_a_process else [])]

    def _run(self, make_pool: MakePool, batches: Sequence[Sequence[FaceJob]]) -> list[JobResult]:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        results = drain(pool, bell, batches)
        assert pool.take() == []
        return results

    def test_every_job_comes_back_exactly_once_with_its_own_finding(self, make_pool: MakePool) -> None:
        batches = [jobs_of([b"a"] * 5, 10 * n) for n in range(7)]
        results = self._run(make_pool, batches)
        assert sorted(r.ticket for r in results) == sorted(j.ticket for b in batches for j in b)
        for result in results:
            assert result.finding is not None
            assert result.finding.embedding_space == f"person-{result.ticket}"

    def test_all_photos_of_a_check_in_are_in_its_finding(self, make_pool: MakePool) -> None:
        [result] = self._run(make_pool, [[FaceJob(1, "p", (b"a", b"b", b"c", b"d"))]])
        assert result.finding is not None
        assert result.finding.usable == 4

    def test_only_the_poison_spends_the_crash_budget(self, make_pool: MakePool) -> None:
        for mark in self._marks():
            photos = [b"good"] * 4 + [mark] + [b"good"] * 5
            results = self._run(make_pool, [jobs_of(photos)])
            lost = [r for r in results if r.finding is None]
            assert [(r.ticket, r.attempts) for r in lost] == [(4, 3)], mark
            assert len(results) == len(photos)

    def test_two_poisons_in_one_batch_take_nobody_along(self, make_pool: MakePool) -> None:
        for mark in self._marks():
            results = self._run(make_pool, [jobs_of([mark, b"good", b"good", mark])])
            assert sorted(r.ticket for r in results if r.finding is None) == [0, 3], mark

    def test_a_batch_queued_behind_a_poison_is_not_condemned(self, make_pool: MakePool) -> None:
        for mark in self._marks():
            results = self._run(make_pool, [jobs_of([mark]), jobs_of([b"good"] * 8, 100)])
            assert [r.ticket for r in results if r.finding is None] == [0], mark
            assert sorted(r.ticket for r in results) == [0, *range(100, 108)]

    def test_the_pool_serves_on_after_a_poison(self, make_pool: MakePool) -> None:
        for mark in self._marks():
            pool, bell = make_pool(MarkedStage), Bell()
            pool.start(bell)
            drain(pool, bell, [jobs_of([mark])])
            [result] = drain(pool, bell, [jobs_of([b"good"], 7)])
            assert result.finding is not None

    def test_an_idle_pool_has_an_idle_worker_and_a_full_one_refuses(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        assert pool.room().idle >= 1
        submitted = 0
        with pytest.raises(PoolBusy):
            for _ in range(10_000):
                pool.submit(jobs_of([b"heavy"] * 32, 32 * submitted))
                submitted += 1
        results = drain(pool, bell, [])
        while len(results) < 32 * submitted:
            taken = pool.take()
            results += taken
            if not taken:
                bell.wait()
        assert len({r.ticket for r in results}) == 32 * submitted

    def test_nothing_to_take_is_an_empty_list(self, make_pool: MakePool) -> None:
        pool = make_pool(MarkedStage)
        pool.start(lambda: None)
        assert pool.take() == []

    def test_a_stage_that_cannot_be_built_raises_its_own_error_at_start(self, make_pool: MakePool) -> None:
        pool = make_pool(FailingFactory())
        with pytest.raises(PackError, match="cut short"):
            pool.start(lambda: None)

    def test_an_idle_pool_exchanges_its_stage_and_answers_with_the_new_one(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        assert pool.exchanged() == Exchange()
        ended, results = exchange(pool, bell, partial(MarkedStage, "second"))
        assert (ended.phase, ended.failure, results) == (ExchangePhase.ADOPTED, None, [])
        assert names_of(drain(pool, bell, [jobs_of([b"a"])] * 8)) == {"second"}

    def test_once_adopted_nothing_of_the_old_stage_comes_back(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        for number in range(3):
            before: list[JobResult] = []
            room = pool.room()
            for _ in range(room.idle + room.idle):  # each worker a batch in hand and one queued
                pool.submit(jobs_of([b"heavy"]))
            ended, during = exchange(pool, bell, partial(MarkedStage, f"stage {number}"))
            assert ended.phase is ExchangePhase.ADOPTED
            while len(before) + len(during) < 2 * room.idle:
                before += pool.take()
                if len(before) + len(during) < 2 * room.idle:
                    bell.wait()
            assert names_of(before) <= {f"stage {number}"}, "taken after it said ADOPTED"
            assert len(during) + len(before) == 2 * room.idle

    def test_every_job_comes_back_exactly_once_across_exchanges(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        results: list[JobResult] = []
        sent, names = 0, {"marked"}
        for number in range(4):
            pool.exchange(partial(MarkedStage, f"stage {number}"))
            names.add(f"stage {number}")
            while pool.exchanged().under_way or sent < 40 * (number + 1):
                if (room := pool.room()).idle + room.queueable:
                    pool.submit(jobs_of([b"crash" if sent % 10 == 7 else b"heavy"], sent))
                    sent += 1
                elif not (taken := pool.take()):
                    bell.wait()
                else:
                    results += taken
                results += pool.take()
        while len(results) < sent:
            taken = pool.take()
            results += taken
            if not taken:
                bell.wait()
        assert sorted(r.ticket for r in results) == list(range(sent))
        assert {r.ticket for r in results if r.finding is None} == {n for n in range(sent) if n % 10 == 7}
        assert names_of(results) <= names

    def test_a_stage_that_cannot_be_built_changes_nothing(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        ended, _ = exchange(pool, bell, FailingFactory())
        assert ended.phase is ExchangePhase.FAILED
        assert isinstance(ended.failure, PackError)
        assert "cut short" in str(ended.failure)
        assert names_of(drain(pool, bell, [jobs_of([b"a"])] * 8)) == {"marked"}
        ended, _ = exchange(pool, bell, partial(MarkedStage, "third"))
        assert ended.phase is ExchangePhase.ADOPTED
        assert names_of(drain(pool, bell, [jobs_of([b"a"])] * 8)) == {"third"}

    def test_one_exchange_at_a_time(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        pool.exchange(partial(MarkedStage, "second"))
        with pytest.raises(PoolBusy, match="under way"):
            pool.exchange(partial(MarkedStage, "third"))
        while pool.exchanged().under_way:
            bell.wait()
            pool.take()
        assert names_of(drain(pool, bell, [jobs_of([b"a"])])) == {"second"}

    def test_the_new_stage_is_built_behind_the_work(self, make_pool: MakePool) -> None:
        pool, bell = make_pool(MarkedStage), Bell()
        pool.start(bell)
        exchange(pool, bell, BackgroundFactory())
        assert names_of(drain(pool, bell, [jobs_of([b"a"])])) == {"behind"}

    def test_the_old_stage_is_given_up(self, make_pool: MakePool, tmp_path: Path) -> None:
        first, second = tmp_path / "first", tmp_path / "second"
        pool, bell = make_pool(partial(PartingStage, str(first))), Bell()
        pool.start(bell)
        drain(pool, bell, [jobs_of([b"a"])])
        assert not first.exists()
        exchange(pool, bell, partial(PartingStage, str(second)))
        assert first.exists()
        drain(pool, bell, [jobs_of([b"a"])])
        assert not second.exists()
        exchange(pool, bell, MarkedStage)
        assert second.exists()

    def test_a_pool_can_be_closed_while_it_exchanges(self, make_pool: MakePool) -> None:
        pool = make_pool(MarkedStage)
        pool.start(lambda: None)
        pool.exchange(MarkedStage)
        pool.close()

    def test_close_can_be_called_twice_and_before_start(self, make_pool: MakePool) -> None:
        pool = make_pool(partial(MarkedStage))
        pool.close()
        pool.close()
