"""On real actors: what batches took, and what models run on, come to the process that is scraped."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.pool import RayPool
from hadir.core.timings import BatchTimes
from hadir.pipeline.ports import ExchangePhase
from tests.actors.ray_pools import Bell
from tests.actors.watched_stages import FELL_BACK, ON_THE_CARD, OnTheCard, OnTheCpu
from tests.pipeline.pool_contract import drain, jobs_of
from tests.pipeline.timed_stage import TimedStage

pytestmark = pytest.mark.ray


def test_every_batch_is_told_once_with_its_stages_and_an_exchange_changes_the_models(local_ray: LocalRay) -> None:
    told: list[BatchTimes] = []
    pool, bell = RayPool(local_ray, OnTheCpu, 2, on_worked=told.append), Bell()
    try:
        pool.start(bell)
        assert [info.models for info in pool.workers()] == [FELL_BACK, FELL_BACK]
        drain(pool, bell, [jobs_of([b"good"] * 3, first) for first in (0, 10, 20)])
        assert [replace(times, busy_s=0.0) for times in told] == [BatchTimes(3, 0.0, TimedStage.SPENT)] * 3
        assert all(times.busy_s > 0 for times in told)
        pool.exchange(OnTheCard)
        while pool.exchanged().under_way:
            bell.wait()
            pool.take()
        assert pool.exchanged().phase is ExchangePhase.ADOPTED
        assert [info.models for info in pool.workers()] == [ON_THE_CARD, ON_THE_CARD]
    finally:
        pool.close()
