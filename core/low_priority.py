"""Work that must not be felt: it takes the processor only when nobody else wants it."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

__all__ = ["LOWEST", "in_background", "lower_this_thread"]

_T = TypeVar("_T")

LOWEST = 19
"""Linux's highest niceness (setpriority(2)); Ray's workers run at 15, a driver at 0."""


def lower_this_thread() -> None:
    """Give the calling thread, and what it starts from now on, the lowest priority; its process keeps its own.

    On Linux a priority belongs to a thread, whatever POSIX says (setpriority(2), BUGS). Nobody without privileges can
    raise it again, so such a thread does its one piece of work and ends.
    """
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)


def in_background(work: Callable[[], _T], name: str) -> Future[_T]:
    """Do this on a thread of its own at the lowest priority; the future gives what it returns or raises.

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
