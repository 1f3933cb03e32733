"""Work beside the work that must not be felt: a step behind whatever else its process does."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["LOWEST", "STEP", "in_background", "lower_this_thread"]

_T = TypeVar("_T")

LOWEST = 19
"""Linux's highest niceness (setpriority(2))."""
STEP = 4
"""A thread this much nicer gets .4 of the others' share of a core. Not more: it shares the interpreter's lock with its
process, and where strangers take the core from it while it holds the lock, the whole process waits. At niceness 19
beside a driver at 0 the driver once stood still for 169 ms on a busy machine, at equal niceness for 11 ms at most
(measured). Ray's workers run at 15: a step behind them is the lowest there is."""


def lower_this_thread() -> None:
    """Let the calling thread, and what it starts from now on, step back; its process keeps its priority.

    On Linux a priority belongs to a thread, whatever POSIX says (setpriority(2), BUGS). Nobody without privileges can
    raise it again, so such a thread does its one piece of work and ends.
    """
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, min(LOWEST, os.getpriority(os.PRIO_PROCESS, thread) + STEP))


def in_background(work: Callable[[], _T], name: str) -> Future[_T]:
    """Do this on a thread of its own, a step behind; the future gives what it returns or raises.

    The thread is a daemon: a process that ends does not wait for it.
    """
    future: Future[_T] = Future()

    def run() -> None:
        lower_this_thread()
        try:
            future.set_result(work())
        except BaseException as err:  # noqa: BLE001 - handed to whoever waits for the future
            future.set_exception(err)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
