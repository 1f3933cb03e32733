"""Work beside the work that must not be felt: behind whatever else wants the processor."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["NICENESS", "TURN_S", "in_background", "lower_this_thread"]

_T = TypeVar("_T")

NICENESS = 15
"""As Ray's workers (setpriority(2); a driver runs at 0). At 4, work in the driver took a core from a worker for as long
as it lasted, 200 ms; at 19, whoever held the interpreter's lock could be kept from its core by a worker, and kept its
own process waiting, once for 169 ms (measured)."""
TURN_S = 0.0005
"""How long a thread may keep the interpreter's lock from another while something runs in the background. Python's own
5 ms are paid each of the ten or so times that looking at a photo gives the lock away: importing a pack's package beside
a worker cost its photos up to 200 ms (measured)."""


def lower_this_thread() -> None:
    """Put the calling thread, and what it starts from now on, behind the rest; its process keeps its priority.

    On Linux a priority belongs to a thread, whatever POSIX says (setpriority(2), BUGS). Nobody without privileges can
    raise it again, so such a thread does its one piece of work and ends.
    """
    thread = threading.get_native_id()
    os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))


class _Turns:
    """The interpreter has one switch interval for all threads: short as long as anything runs in the background."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running = 0
        self._before_s = 0.0

    @contextmanager
    def quick(self) -> Iterator[None]:
        """For the length of a block; blocks of several threads may overlap."""
        with self._lock:
            if self._running == 0:
                self._before_s = sys.getswitchinterval()
                sys.setswitchinterval(TURN_S)
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1
                if self._running == 0:
                    sys.setswitchinterval(self._before_s)


_TURNS = _Turns()


def in_background(work: Callable[[], _T], name: str) -> Future[_T]:
    """Do this on a thread of its own at a low priority; the future gives what it returns or raises.

    The thread is a daemon: a process that ends does not wait for it.
    """
    future: Future[_T] = Future()

    def run() -> None:
        lower_this_thread()
        try:
            with _TURNS.quick():
                result = work()
            future.set_result(result)
        except BaseException as err:  # noqa: BLE001 - handed to whoever waits for the future
            future.set_exception(err)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future
