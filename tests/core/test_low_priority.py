"""Lowering a thread lowers that thread alone."""

from __future__ import annotations

import os
import threading

import pytest

from hadir.core.low_priority import LOWEST, in_background, lower_this_thread


def test_one_thread_steps_back_and_the_process_keeps_its_priority() -> None:
    before = os.getpriority(os.PRIO_PROCESS, 0)
    seen: list[int] = []

    def work() -> None:
        lower_this_thread()
        seen.append(os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [LOWEST]
    assert os.getpriority(os.PRIO_PROCESS, threading.get_native_id()) == before


def test_work_in_the_background_is_at_the_lowest_priority_and_gives_its_result() -> None:
    def work() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert in_background(work, "test").result(60) == LOWEST


def test_what_work_in_the_background_raises_is_raised_where_it_is_waited_for() -> None:
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0, "test").result(60)
