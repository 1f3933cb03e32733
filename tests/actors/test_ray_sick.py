"""Workers that are alive and sick are found and replaced, and no photo pays for it."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.pace import LEAST_SAMPLES, Pace
from hadir.actors.pool import RayPool
from hadir.actors.staff import FAILED_STARTS
from hadir.core.errors import PoolLost
from hadir.core.evidence import FaceFinding
from hadir.pipeline.ports import FaceJob, JobResult
from tests.actors.gate import Gate, GatedStage, gate_photo
from tests.actors.ray_pools import PATIENCE_S, Bell, kill, pool_is_whole, take
from tests.pipeline.pool_contract import jobs_of

pytestmark = pytest.mark.ray

FLOOR_S = 0.2


@dataclass(frozen=True, slots=True)
class SickStage:
    """The one process whose pid is in `sick` cannot work; with `tried`, a try without photos shows it."""

    sick: str
    tried: bool

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        if self._is_sick():
            raise RuntimeError("this worker cannot")
        return GatedStage().process(jobs)

    def warm_up(self, photos: int) -> None:  # noqa: ARG002 - none are needed
        if self.tried and self._is_sick():
            raise RuntimeError("this worker cannot")

    def _is_sick(self) -> bool:
        return Path(self.sick).read_text() in {str(os.getpid()), "all"}


@dataclass(frozen=True, slots=True)
class SickFactory:
    sick: str
    tried: bool

    def __call__(self) -> SickStage:
        return SickStage(self.sick, self.tried)


@pytest.fixture(scope="module", autouse=True)
def stages_travel_by_value(local_ray: LocalRay) -> None:
    import ray.cloudpickle

    from tests.actors import gate

    for module in (gate, sys.modules[__name__]):
        ray.cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]  # a vendor's


@pytest.fixture
def hasty_pool(local_ray: LocalRay) -> Iterator[RayPool]:
    """Two workers; late is who takes a fifth of a second, and far longer than the other."""
    pool = RayPool(local_ray, GatedStage, 2, PATIENCE_S, pace=Pace(FLOOR_S))
    yield pool
    pool.close()


def what_was_wrong(pool: RayPool) -> dict[str, int]:
    return {cause: times for cause, times in pool.replacements().items() if times}


def both_have_worked(pool: RayPool, bell: Bell) -> None:
    """Each has answered often enough to be a measure for the other."""
    for ticket in range(100, 100 + LEAST_SAMPLES):
        pool.submit(jobs_of([b"good"], ticket))
        pool.submit(jobs_of([b"good"], ticket + LEAST_SAMPLES))
        take(pool, bell, 2)


def serve_until_replaced(pool: RayPool, bell: Bell, pid: int) -> list[JobResult]:
    """Small batches, one after the other, until another process sits where `pid` was; each job came back once."""
    results: list[JobResult] = []
    tickets = 0
    while any(info.pid in {pid, 0} for info in pool.workers()):
        while pool.room().idle:
            pool.submit(jobs_of([b"good"] * 4, tickets))
            tickets += 4
        bell.wait()
        results += pool.take()
    results += take(pool, bell, tickets - len(results))
    assert sorted(result.ticket for result in results) == list(range(tickets))
    return results


def test_a_stopped_worker_is_replaced_while_the_other_serves_and_its_photos_spend_nothing(
    hasty_pool: RayPool,
) -> None:
    pool, bell = hasty_pool, Bell()
    pool.start(bell)
    both_have_worked(pool, bell)
    victim = pool.workers()[0].pid
    os.kill(victim, signal.SIGSTOP)
    results = serve_until_replaced(pool, bell, victim)
    assert {(result.finding is not None, result.attempts) for result in results} == {(True, 1)}
    assert what_was_wrong(pool) == {"slow": 1}
    assert not psutil.pid_exists(victim)


def test_without_other_work_an_idle_worker_is_the_witness(hasty_pool: RayPool) -> None:
    pool, bell = hasty_pool, Bell()
    pool.start(bell)
    both_have_worked(pool, bell)
    victim = pool.workers()[0].pid
    os.kill(victim, signal.SIGSTOP)
    pool.submit(jobs_of([b"good"], 0))
    pool.submit(jobs_of([b"good"], 1))
    results = take(pool, bell, 2)
    assert {(result.ticket, result.attempts) for result in results} == {(0, 1), (1, 1)}
    assert what_was_wrong(pool) == {"slow": 1}


def test_when_all_stand_still_nobody_is_put_out(hasty_pool: RayPool) -> None:
    pool, bell = hasty_pool, Bell()
    pool.start(bell)
    both_have_worked(pool, bell)
    before = [info.pid for info in pool.workers()]
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    for ticket in range(2):
        pool.submit(jobs_of([b"good"], ticket))
    bell.wait()  # late
    assert pool.take() == []
    for pid in before:
        os.kill(pid, signal.SIGCONT)
    assert {result.attempts for result in take(pool, bell, 2)} == {1}
    assert ([info.pid for info in pool.workers()], what_was_wrong(pool)) == (before, {})


def test_a_slow_photo_is_looked_at_in_the_end(hasty_pool: RayPool, gate: Gate) -> None:
    pool, bell = hasty_pool, Bell()
    pool.start(bell)
    both_have_worked(pool, bell)
    pool.submit(jobs_of([gate_photo(gate.path)]))
    gate.await_worker()
    [victim] = [pool.workers()[seat].pid for seat in range(2) if pool.flying(seat)]
    while not what_was_wrong(pool):  # the idle one is the witness
        bell.wait()
        pool.take()
    with contextlib.suppress(psutil.NoSuchProcess):
        psutil.Process(victim).wait(PATIENCE_S)
    gate.release()
    gate.let_one_through()
    [result] = take(pool, bell, 1)
    assert (result.finding is not None, result.attempts) == (True, 1)


@pytest.mark.parametrize("tried", [True, False], ids=["a try shows it", "only photos show it"])
def test_a_worker_that_always_raises_is_replaced_and_condemns_nobody(
    local_ray: LocalRay, tmp_path: Path, tried: bool
) -> None:
    sick = tmp_path / "sick"
    sick.write_text("nobody")
    pool, bell = RayPool(local_ray, SickFactory(str(sick), tried), 2), Bell()
    pool.start(bell)
    victim = pool.workers()[0].pid
    sick.write_text(str(victim))
    results = serve_until_replaced(pool, bell, victim)
    assert all(result.finding is not None for result in results)
    pool.close()


def test_workers_that_all_fail_their_proof_lose_the_pool_and_condemn_nobody(
    local_ray: LocalRay, tmp_path: Path
) -> None:
    sick = tmp_path / "sick"
    sick.write_text("nobody")
    pool, bell = RayPool(local_ray, SickFactory(str(sick), True), 1), Bell()
    pool.start(bell)
    sick.write_text("all")
    pool.submit(jobs_of([b"good"] * 4))
    with pytest.raises(PoolLost, match=f"{FAILED_STARTS} fresh face workers"):
        take(pool, bell, 1)
    pool.close()


def test_a_pool_that_is_warmed_up_finds_the_worker_that_cannot_work_before_a_photo_does(
    local_ray: LocalRay, tmp_path: Path
) -> None:
    sick = tmp_path / "sick"
    sick.write_text("nobody")
    pool, bell = RayPool(local_ray, SickFactory(str(sick), True), 2), Bell()
    pool.start(bell)
    victim = pool.workers()[1].pid
    sick.write_text(str(victim))
    pool.warm_up(32)
    while any(info.pid in {victim, 0} for info in pool.workers()):
        bell.wait()
        assert pool.take() == []
    assert what_was_wrong(pool) == {"failed": 1}
    pool.close()


def test_what_was_replaced_is_counted_by_its_cause(local_ray: LocalRay, gate: Gate) -> None:
    pool, bell = RayPool(local_ray, GatedStage, 1), Bell()
    pool.start(bell)
    pool.submit(jobs_of([gate_photo(gate.path)]))
    gate.await_worker()
    kill(pool.workers()[0])
    gate.release()
    through = gate.let_one_through()
    take(pool, bell, 1)
    through.join()
    pool_is_whole(pool, bell)
    assert what_was_wrong(pool) == {"died": 1}
    pool.close()
