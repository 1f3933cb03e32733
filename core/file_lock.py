"""One process at a time: an advisory lock on a file, which the kernel lets go with the process, however it ends."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadir.core.errors import HadirError

__all__ = ["held_alone"]


@contextmanager
def held_alone(path: Path, busy: HadirError) -> Iterator[None]:
    """Hold the lock on `path`, a file made with mode 0600 in a folder that is there, for the block.

    Raises:
        HadirError: `busy`, at once, where another process holds it.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as err:
            raise busy from err
        yield
    finally:
        os.close(handle)
