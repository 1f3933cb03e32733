"""The pool of Ray actors: the contract of every pool, and what only real processes can do to it."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.flights import CRASHES_IN_A_ROW
from hadir.actors.pool import RayPool
from hadir.actors.staff import FAILED_STARTS
from hadir.core.errors import PackError, PoolLost, SetupError
from hadir.pipeline.ports import Exchange, ExchangePhase, Pool
from tests.actors.gate import Gate, gate_photo
from tests.actors.ray_pools import PATIENCE_S, Bell, MakeRayPool, kill, pool_is_whole, take
from tests.pipeline import pool_contract
from tests.pipeline.pool_contract import MakePool, MarkedStage, PoolContract, StageFactory, jobs_of, names_of

pytestmark = pytest.mark.ray


@dataclass(frozen=True, slots=True)
class LicensedFactory:
    """Builds as long as a file is there."""

    licence: str

    def __call__(self) -> MarkedStage:
        if not Path(self.licence).exists():
            raise PackError("the pack is gone: bring it back")
        return MarkedStage()


@dataclass(frozen=True, slots=True)
class SlowFactory:
    """Builds when the gate is opened for it."""

    gate: str
    name: str

    def __call__(self) -> MarkedStage:
        Path(self.gate).read_bytes()
        return MarkedStage(self.name)


@dataclass(frozen=True, slots=True)
class OnceFactory:
    """The first that takes the licence away builds; who comes later cannot."""

    licence: str

    def __call__(self) -> MarkedStage:
        try:
            Path(self.licence).unlink()
        except FileNotFoundError as err:
            raise PackError("somebody has taken the pack: bring it back") from err
        return MarkedStage("the first one's")


@dataclass(frozen=True, slots=True)
class StragglerFactory:
    """The first that takes the token builds at once, the other waits at the gate."""

    token: str
    gate: str

    def __call__(self) -> MarkedStage:
        try:
            Path(self.token).unlink()
        except FileNotFoundError:
            Path(self.gate).read_bytes()
        return MarkedStage("second")


class DyingFactory:
    """Models that end the process as they are loaded."""

    def __call__(self) -> MarkedStage:
        os._exit(139)


@pytest.fixture(scope="session", autouse=True)
def workers_get_the_stages_by_value(local_ray: LocalRay) -> None:
    import ray.cloudpickle

    from tests.actors import gate

    for module in (pool_contract, gate, sys.modules[__name__]):
        ray.cloudpickle.register_pickle_by_value(module)  # type: ignore[no-untyped-call]  # a vendor's


class TestRayPool(PoolContract):
    worker_is_a_process = True

    @pytest.fixture
    def make_pool(self, local_ray: LocalRay) -> Iterator[MakePool]:
        pools: list[RayPool] = []

        def make(stage_factory: StageFactory) -> Pool:
            for earlier in pools:
                earlier.close()
            pools.append(RayPool(local_ray, stage_factory, 2))
            return pools[-1]

        yield make
        for pool in pools:
            pool.close()


def test_a_worker_killed_in_the_middle_of_a_batch_costs_a_delay_alone(make_ray_pool: MakeRayPool, gate: Gate) -> None:
    pool, bell = make_ray_pool(), Bell()
    pool.start(bell)
    pool.submit([*jobs_of([gate_photo(gate.path)]), *jobs_of([b"good"], 1)])
    gate.await_worker()
    [before] = pool.workers()
    kill(before)
    gate.release()
    through = gate.let_one_through()
    results = take(pool, bell, 2)
    through.join()
    assert {(r.ticket, r.finding is not None, r.attempts) for r in results} == {(0, True, 2), (1, True, 2)}
    [after] = pool.workers()
    assert (after.restarts, after.pid != before.pid) == (1, True)
    assert pool.retries == 2


def test_a_batch_queued_behind_a_death_spends_no_attempt(make_ray_pool: MakeRayPool, gate: Gate) -> None:
    pool, bell = make_ray_pool(), Bell()
    pool.start(bell)
    pool.submit(jobs_of([gate_photo(gate.path)]))
    gate.await_worker()
    assert (pool.room().idle, pool.room().queueable) == (0, 1)
    pool.submit(jobs_of([b"good"] * 3, 10))
    kill(pool.workers()[0])
    gate.release()
    through = gate.let_one_through()
    results = take(pool, bell, 4)
    through.join()
    assert {r.ticket: r.attempts for r in results} == {0: 2, 10: 1, 11: 1, 12: 1}
    assert all(r.finding is not None for r in results)


def test_a_photo_that_kills_is_spent_and_the_batch_queued_behind_it_is_untouched(make_ray_pool: MakeRayPool) -> None:
    pool, bell = make_ray_pool(), Bell()
    pool.start(bell)
    pool.submit(jobs_of([b"die"]))
    pool.submit(jobs_of([b"good"] * 4, 10))
    results = take(pool, bell, 5)
    assert {r.ticket: (r.attempts, r.finding is None) for r in results if r.ticket == 0} == {0: (3, True)}
    assert [(r.attempts, r.finding is None) for r in results if r.ticket >= 10] == [(1, False)] * 4


def test_nothing_is_spent_on_workers_that_died_while_idle(make_ray_pool: MakeRayPool) -> None:
    pool, bell = make_ray_pool(workers=2), Bell()
    pool.start(bell)
    for info in pool.workers():
        kill(info)
    pool.submit(jobs_of([b"good"]))
    [result] = take(pool, bell, 1)
    # The first call finds a dead worker; the roll call before the second keeps it from finding another.
    assert (result.finding is not None, result.attempts) == (True, 2)


def test_a_worker_that_hangs_is_ended_and_the_photo_spends_its_budget(make_ray_pool: MakeRayPool, gate: Gate) -> None:
    pool, bell = make_ray_pool(call_limit_s=0.5), Bell()
    pool.start(bell)
    pool.submit(jobs_of([gate_photo(gate.path)]))
    [result] = take(pool, bell, 1)
    assert (result.finding, result.attempts) == (None, 3)


def test_a_worker_that_raises_three_times_in_a_row_is_replaced(make_ray_pool: MakeRayPool) -> None:
    pool, bell = make_ray_pool(), Bell()
    pool.start(bell)
    [before] = pool.workers()
    pool.submit(jobs_of([b"crash"]))
    [result] = take(pool, bell, 1)
    assert result.attempts == CRASHES_IN_A_ROW
    pool_is_whole(pool, bell)
    [after] = pool.workers()
    assert (after.restarts, after.pid != before.pid) == (1, True)


def test_workers_that_cannot_come_back_lose_the_pool_and_condemn_nobody(
    make_ray_pool: MakeRayPool, tmp_path: Path
) -> None:
    licence = tmp_path / "may-start"
    licence.touch()
    pool, bell = make_ray_pool(LicensedFactory(str(licence))), Bell()
    pool.start(bell)
    licence.unlink()
    pool.submit(jobs_of([b"die"]))
    with pytest.raises(
        PoolLost, match=f"{FAILED_STARTS} fresh face workers in a row could not serve: the pack is gone"
    ):
        take(pool, bell, 1)
    with pytest.raises(PoolLost):
        pool.take()


def test_a_worker_that_dies_while_it_loads_is_a_set_up_error(make_ray_pool: MakeRayPool) -> None:
    pool = make_ray_pool(DyingFactory())
    with pytest.raises(SetupError, match="cannot start"):
        pool.start(lambda: None)


def test_no_name_of_a_person_is_in_the_log_of_a_crash(
    make_ray_pool: MakeRayPool, capsys: pytest.CaptureFixture[str]
) -> None:
    pool, bell = make_ray_pool(), Bell()
    pool.start(bell)
    pool.submit(jobs_of([b"die"]))
    take(pool, bell, 1)
    said = capsys.readouterr()
    assert "face_batch_failed" in said.out + said.err
    assert "person-0" not in said.out + said.err
    assert "(raylet)" not in said.out + said.err


def test_closing_the_pool_ends_its_workers(make_ray_pool: MakeRayPool) -> None:
    pool = make_ray_pool(workers=2)
    pool.start(lambda: None)
    processes = [psutil.Process(info.pid) for info in pool.workers()]
    pool.close()
    gone, alive = psutil.wait_procs(processes, timeout=PATIENCE_S)
    assert (len(gone), alive) == (2, [])


def ended(pool: RayPool, bell: Bell) -> Exchange:
    """How the exchange under way ends; nothing is in hand meanwhile."""
    while pool.exchanged().under_way:
        bell.wait()
        assert pool.take() == []
    return pool.exchanged()


def answers(pool: RayPool, bell: Bell) -> set[str]:
    """The stages of all workers, each of which is asked."""
    workers = pool.room().idle
    for ticket in range(workers):
        pool.submit(jobs_of([b"good"], ticket))
    return names_of(take(pool, bell, workers))


def test_work_goes_on_while_workers_load(make_ray_pool: MakeRayPool, gate: Gate) -> None:
    pool, bell = make_ray_pool(MarkedStage), Bell()
    pool.start(bell)
    pool.exchange(SlowFactory(str(gate.path), "second"))
    gate.await_worker()
    assert answers(pool, bell) == {"marked"}
    assert pool.exchanged().phase is ExchangePhase.LOADING
    gate.release()
    assert ended(pool, bell).phase is ExchangePhase.ADOPTED
    assert answers(pool, bell) == {"second"}


def test_nobody_adopts_while_one_still_loads(make_ray_pool: MakeRayPool, gate: Gate, tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.touch()
    pool, bell = make_ray_pool(MarkedStage, workers=2), Bell()
    pool.start(bell)
    pool.exchange(StragglerFactory(str(token), str(gate.path)))
    standing = threading.Thread(target=gate.await_worker)
    standing.start()
    while standing.is_alive():  # the second is told when the first has loaded, and asked again and again from then on
        bell.wait()
        pool.take()
    assert answers(pool, bell) == {"marked"}
    gate.release()
    assert ended(pool, bell).phase is ExchangePhase.ADOPTED
    assert answers(pool, bell) == {"second"}


def test_if_one_worker_cannot_load_none_adopts(make_ray_pool: MakeRayPool, tmp_path: Path) -> None:
    licence = tmp_path / "licence"
    licence.touch()
    pool, bell = make_ray_pool(MarkedStage, workers=2), Bell()
    pool.start(bell)
    pool.exchange(OnceFactory(str(licence)))
    exchange = ended(pool, bell)
    assert (exchange.phase, isinstance(exchange.failure, PackError)) == (ExchangePhase.FAILED, True)
    assert "bring it back" in str(exchange.failure)
    assert answers(pool, bell) == {"marked"}


def test_a_worker_killed_while_it_loads_is_replaced_and_loads_again(make_ray_pool: MakeRayPool, gate: Gate) -> None:
    pool, bell = make_ray_pool(MarkedStage), Bell()
    pool.start(bell)
    pool.exchange(SlowFactory(str(gate.path), "second"))
    gate.await_worker()
    kill(pool.workers()[0])
    gate.release()
    through = gate.let_one_through()
    assert ended(pool, bell).phase is ExchangePhase.ADOPTED
    through.join()
    assert pool.workers()[0].restarts == 1
    assert answers(pool, bell) == {"second"}


def test_a_worker_that_dies_later_comes_back_with_the_new_stage(make_ray_pool: MakeRayPool) -> None:
    pool, bell = make_ray_pool(MarkedStage), Bell()
    pool.start(bell)
    pool.exchange(partial(MarkedStage, "second"))
    assert ended(pool, bell).phase is ExchangePhase.ADOPTED
    kill(pool.workers()[0])
    assert answers(pool, bell) == {"second"}


def test_a_stage_that_kills_whoever_loads_it_fails_and_the_pool_serves_on(make_ray_pool: MakeRayPool) -> None:
    pool, bell = make_ray_pool(MarkedStage), Bell()
    pool.start(bell)
    pool.exchange(DyingFactory())
    assert ended(pool, bell).phase is ExchangePhase.FAILED
    pool_is_whole(pool, bell)
    assert answers(pool, bell) == {"marked"}
