"""Work that must not be felt: it takes the processor only when nobody else wants it."""

from __future__ import annotations

import os
import threading

__all__ = ["LOWEST", "lower_this_thread"]

LOWEST = 19
"""Linux's highest niceness (setpriority(2)); Ray's workers run at 15, a driver at 0."""


def lower_this_thread() -> None:
    """Give the calling thread, and what it starts from now on, the lowest priority; its process keeps its own.

    On Linux a priority belongs to a thread, whatever POSIX says (setpriority(2), BUGS). Nobody without privileges can
    raise it again, so such a thread does its one piece of work and ends.
    """
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), LOWEST)
