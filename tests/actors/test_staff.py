"""A first shift is ready as a whole, or it is said what keeps it."""

from __future__ import annotations

from concurrent.futures import Future

import pytest

from hadir.actors.face_actor import WorkerFacts
from hadir.actors.staff import all_ready
from hadir.core.errors import PackError, SetupError


def ready(pid: int) -> Future[WorkerFacts]:
    future: Future[WorkerFacts] = Future()
    future.set_result(WorkerFacts(pid, 1))
    return future


def test_a_whole_shift_is_ready_in_the_order_of_its_seats() -> None:
    assert [facts.pid for facts in all_ready([ready(1), ready(2)], 0, lambda: (2.0, 0.0))] == [1, 2]


def test_workers_that_find_no_core_are_told_with_the_cores_that_there_are() -> None:
    with pytest.raises(
        SetupError, match=r"1 of 2 face workers were not ready after 0 s, and 0.1 of the cluster's 1 co"
    ):
        all_ready([ready(1), Future()], 0, lambda: (1.0, 0.05))


def test_a_worker_that_cannot_start_is_told() -> None:
    failed: Future[WorkerFacts] = Future()
    failed.set_exception(PackError("no such pack"))
    with pytest.raises(SetupError, match="a face worker cannot start"):
        all_ready([ready(1), failed], 0, lambda: (2.0, 0.0))
