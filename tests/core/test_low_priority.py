"""Lowering a thread lowers that thread alone."""

from __future__ import annotations

import os
import threading

import pytest

from hadir.core.low_priority import LOWEST, STEP, in_background, lower_this_thread


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def test_work_in_the_background_is_a_step_behind_and_its_process_is_not() -> None:
    before = niceness()
    assert in_background(niceness, "test").result(60) == min(LOWEST, before + STEP)
    assert niceness() == before


def test_nobody_steps_back_beyond_the_end() -> None:
    def work() -> int:
        for _ in range(LOWEST):
            lower_this_thread()
        return niceness()

    assert in_background(work, "test").result(60) == LOWEST


def test_what_work_in_the_background_raises_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0, "test").result(60)
