"""Nothing that a pool makes per batch stays: futures, alarms, threads, notes, objects, memory."""

from __future__ import annotations

import gc
import importlib
import threading

import psutil
import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.flights import CALLS_PER_SEAT
from hadir.actors.pool import RayPool
from hadir.core.errors import PoolBusy
from tests.actors.gate import GatedStage
from tests.actors.ray_pools import PATIENCE_S, Bell, take
from tests.pipeline.pool_contract import jobs_of

pytestmark = pytest.mark.ray

WORKERS = 2
WARM, BATCHES = 300, 2000
PHOTO = b"good" + bytes(4096)
MOST_OBJECTS = 500
"""Of a few per batch a leak would make thousands."""
MOST_BYTES = 16 << 20
"""Photos of 2,000 batches that stayed would be 32 MiB in each process; the allocator's own moods are some MiB."""


def drive(pool: RayPool, bell: Bell, batches: int) -> int:
    """Overload: whenever there is room there is a batch. Returns the most calls that were in hand at once."""
    sent = back = most = 0
    while back < batches * 4:
        while sent < batches and (room := pool.room()).idle + room.queueable:
            pool.submit(jobs_of([PHOTO] * 4, sent * 4))
            sent += 1
            most = max(most, sum(len(pool.flying(seat)) for seat in range(WORKERS)))
        if sent < batches:
            with pytest.raises(PoolBusy):
                pool.submit(jobs_of([PHOTO]))
        bell.wait()
        back += len(pool.take())
    assert back == batches * 4
    return most


def resident(pool: RayPool) -> list[int]:
    pids = [info.pid for info in pool.workers()]
    return [psutil.Process(pid).memory_info().rss for pid in [psutil.Process().pid, *pids]]


def test_two_thousand_batches_under_overload_leave_nothing_behind_and_no_worker_ever_holds_more_than_two(
    local_ray: LocalRay,
) -> None:
    pool, bell = RayPool(local_ray, GatedStage, WORKERS, PATIENCE_S), Bell()
    pool.start(bell)
    drive(pool, bell, WARM)
    gc.collect()
    objects, threads, memory = len(gc.get_objects()), threading.active_count(), resident(pool)
    assert drive(pool, bell, BATCHES) == WORKERS * CALLS_PER_SEAT
    gc.collect()
    assert len(gc.get_objects()) - objects < MOST_OBJECTS
    assert threading.active_count() <= threads
    assert pool.under_way() == 0
    grown = [after - before for before, after in zip(memory, resident(pool), strict=True)]
    assert max(grown) < MOST_BYTES, grown
    pool.close()


def test_full_batches_pass_without_the_object_store_which_so_can_never_be_full(local_ray: LocalRay) -> None:
    ray = importlib.import_module("ray")
    pool, bell = RayPool(local_ray, GatedStage, WORKERS, PATIENCE_S), Bell()
    pool.start(bell)
    calls = WORKERS * CALLS_PER_SEAT
    for number in range(calls):
        pool.submit(jobs_of([b"good" + bytes((1 << 20) - 4)] * 8, number * 8))
    assert len(take(pool, bell, calls * 8)) == calls * 8
    store = "object_store_memory"
    assert ray.available_resources()[store] == ray.cluster_resources()[store]
    pool.close()
