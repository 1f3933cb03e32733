"""Lowering a thread lowers that thread alone."""

from __future__ import annotations

import os
import sys
import threading
from functools import partial

import pytest

from hadir.core.low_priority import NICENESS, TURN_S, in_background


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_work_in_the_background_has_a_low_priority_and_its_process_keeps_its_own() -> None:
    before = niceness()
    assert in_background(niceness, "test").result(60) == max(NICENESS, before)
    assert niceness() == before


def test_what_work_in_the_background_raises_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0, "test").result(60)


def test_threads_take_quick_turns_while_anything_runs_in_the_background() -> None:
    before_s, ends = sys.getswitchinterval(), [threading.Event(), threading.Event()]

    def work(end: threading.Event) -> float:
        end.wait(60)
        return sys.getswitchinterval()

    running = [in_background(partial(work, end), "test") for end in ends]
    ends[0].set()
    assert running[0].result(60) == pytest.approx(TURN_S)
    ends[1].set()
    assert running[1].result(60) == pytest.approx(TURN_S), "the first one's end does not count for the second"
    assert sys.getswitchinterval() == pytest.approx(before_s)
