"""One run per run folder at a time: a second would overwrite the notes by which the first can be ended."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hadir.core.errors import SetupError
from hadir.core.file_lock import held_alone

__all__ = ["LOCK", "held"]

LOCK = "lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep the folder, which is made where it is missing, until the block or the process ends, however it ends.

    Raises:
        SetupError: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    busy = SetupError(f"another run uses the run folder {folder}: end it, or give this one another ([run] folder)")
    with held_alone(folder / LOCK, busy):
        yield
