"""Pools on the session's Ray, and how a test waits for them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import psutil
import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.pool import RayPool, WorkerInfo
from hadir.pipeline.ports import JobResult, Stage
from tests.actors.gate import Gate, GatedStage
from tests.pipeline.pool_contract import PATIENCE_S, Bell

__all__ = ["PATIENCE_S", "Bell", "MakeRayPool", "gate", "kill", "make_ray_pool", "pool_is_whole", "take"]


def pool_is_whole(pool: RayPool, bell: Bell) -> None:
    """Returns when every worker serves."""
    while any(info.pid == 0 for info in pool.workers()):
        bell.wait()
        pool.take()


def take(pool: RayPool, bell: Bell, count: int) -> list[JobResult]:
    results = pool.take()
    while len(results) < count:
        bell.wait()
        results += pool.take()
    return results


def kill(info: WorkerInfo) -> None:
    process = psutil.Process(info.pid)
    os.kill(info.pid, signal.SIGKILL)
    with contextlib.suppress(psutil.NoSuchProcess):
        process.wait(PATIENCE_S)


class MakeRayPool(Protocol):
    def __call__(
        self, stage_factory: Callable[[], Stage] = ..., workers: int = ..., call_limit_s: float = ...
    ) -> RayPool: ...


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path / "gate")


@pytest.fixture
def make_ray_pool(local_ray: LocalRay) -> Iterator[MakeRayPool]:
    pools: list[RayPool] = []

    def make(
        stage_factory: Callable[[], Stage] = GatedStage, workers: int = 1, call_limit_s: float = PATIENCE_S
    ) -> RayPool:
        pools.append(RayPool(local_ray, stage_factory, workers, call_limit_s))
        return pools[-1]

    yield make
    for pool in pools:
        pool.close()
