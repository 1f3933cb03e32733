"""Alarms ring once, in their order, and not after they were cancelled."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from hadir.actors.alarms import Alarms
from hadir.core.clock import SystemClock

PATIENCE_S = 60.0


@pytest.fixture
def alarms() -> Iterator[Alarms]:
    made = Alarms(SystemClock())
    yield made
    made.close()


def test_alarms_ring_in_the_order_in_which_they_are_due(alarms: Alarms) -> None:
    rung: SimpleQueue[str] = SimpleQueue()
    alarms.ring(0.02, lambda: rung.put("second"))
    alarms.ring(0.0, lambda: rung.put("first"))
    assert [rung.get(timeout=PATIENCE_S) for _ in range(2)] == ["first", "second"]
    assert len(alarms) == 0


def test_one_that_is_cancelled_does_not_ring_and_nothing_of_it_is_kept(alarms: Alarms) -> None:
    rung: SimpleQueue[str] = SimpleQueue()
    cancelled = alarms.ring(0.02, lambda: rung.put("cancelled"))
    alarms.cancel(cancelled)
    alarms.ring(0.04, lambda: rung.put("later"))
    assert rung.get(timeout=PATIENCE_S) == "later"
    assert rung.empty()
    assert len(alarms) == 0


def test_cancelling_one_that_has_rung_is_nothing(alarms: Alarms) -> None:
    rung = threading.Event()
    number = alarms.ring(0.0, rung.set)
    assert rung.wait(PATIENCE_S)
    alarms.cancel(number)


def test_after_the_end_none_rings() -> None:
    alarms, rung = Alarms(SystemClock()), threading.Event()
    alarms.ring(30.0, rung.set)
    alarms.close()
    alarms.ring(0.0, rung.set)
    assert (len(alarms), rung.is_set()) == (0, False)


def test_all_alarms_share_one_thread(alarms: Alarms) -> None:
    before = threading.active_count()
    numbers = [alarms.ring(30.0, lambda: None) for _ in range(50)]
    assert threading.active_count() == before + 1
    for number in numbers:
        alarms.cancel(number)
    assert len(alarms) == 0
