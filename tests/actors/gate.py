"""A stage that stops at a gate, so that a test knows that a worker is in the middle of a batch, without sleeping."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.core.evidence import FaceFinding, PhotoFinding
from hadir.pipeline.ports import FaceJob

__all__ = ["Gate", "GatedStage", "gate_photo"]


def gate_photo(path: Path) -> bytes:
    """A photo that makes its worker wait at this gate."""
    return b"gate:" + os.fsencode(path)


@dataclass(frozen=True, slots=True)
class GatedStage:
    """`gate:` waits at a gate, `die` ends the process, `crash` raises; the rest is found."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        for photo in [photo for job in jobs for photo in job.photos]:
            if photo.startswith(b"gate:"):
                with open(photo[len(b"gate:") :], "rb") as gate:  # noqa: PTH123 - a path of bytes
                    gate.read()
            if photo.startswith(b"die"):
                os._exit(139)
            if photo.startswith(b"crash"):
                raise RuntimeError("a marked photo")
        return [FaceFinding((PhotoFinding(None),), 1, None, True, None, (), None, job.person, "gated") for job in jobs]


class Gate:
    """A FIFO: its reader waits for a writer to open and close it, its writer for a reader."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)
        self._writer = -1

    def await_worker(self) -> None:
        """Blocks until a worker stands at the gate, and keeps it there."""
        self._writer = os.open(self.path, os.O_WRONLY)

    def release(self) -> None:
        """Let through the worker that stands there."""
        os.close(self._writer)

    def let_one_through(self) -> threading.Thread:
        """The next worker that comes goes through at once."""
        thread = threading.Thread(target=lambda: self.path.open("wb").close(), daemon=True)
        thread.start()
        return thread
