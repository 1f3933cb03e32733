"""Files that are whole or absent: written aside, flushed to the disk, renamed into place.

Everything in this room's folders is derived from faces, so files are readable by their owner only.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

__all__ = ["flush_folder", "write_durably", "write_whole"]


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path` atomically; after a crash the old content is there or the new, never a part.

    Raises:
        OSError: the disk is full or the folder cannot be written; the old content is then untouched.
    """
    _replace(path, content, flushed=True)
    flush_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """As `write_durably` for readers, but a power loss may lose it: for what is told anew every second."""
    _replace(path, content, flushed=False)


def flush_folder(folder: Path) -> None:
    """Make the names in `folder` survive a power loss."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _replace(path: Path, content: bytes, flushed: bool) -> None:
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            if flushed:
                file.flush()
                os.fsync(file.fileno())
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
