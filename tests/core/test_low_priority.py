"""Lowering a thread lowers that thread alone."""

from __future__ import annotations

import os
import threading

from hadir.core.low_priority import LOWEST, lower_this_thread


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
