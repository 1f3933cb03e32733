"""Keeping what the C allocator has freed: a batch of photos is a megabyte, taken and given back many times a second.

By default glibc returns such blocks to the kernel at once, and every new one then costs a page fault per 4 KiB: 1,030
faults per batch of 32 selfies on the way into a worker (measured with getrusage), two thirds of that call's time.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping

__all__ = ["KEPT_BYTES", "KEPT_ENVIRONMENT", "keep_freed_memory"]

KEPT_BYTES = 64 << 20
"""Free memory at the end of each heap that stays with the process. Only what was in use at the same time once can be
free, so this is a limit and not a cost."""

_LARGEST_BLOCK_BYTES = 32 << 20
"""Blocks up to this come from the heap, and not from a mapping of their own: the most that glibc allows."""

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
"""From glibc's malloc.h; the same numbers since 1996."""

KEPT_ENVIRONMENT: Mapping[str, str] = {
    "MALLOC_TRIM_THRESHOLD_": str(KEPT_BYTES),
    "MALLOC_MMAP_THRESHOLD_": str(_LARGEST_BLOCK_BYTES),
}
"""What does the same for a process that is started with it (mallopt(3)); other allocators do not look at it."""


def keep_freed_memory() -> bool:
    """Set it for this process, all threads, from now on. False where the C library is not glibc: nothing is changed."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # musl has no such function, Windows no such library
        return False
    mallopt.argtypes, mallopt.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    done = mallopt(_M_TRIM_THRESHOLD, KEPT_BYTES), mallopt(_M_MMAP_THRESHOLD, _LARGEST_BLOCK_BYTES)
    return all(done)
