"""The private folder and the processes of a Ray, or of a node of one, that this process has started."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil

from hadir.actors.death_watch import DeathWatch
from hadir.actors.leftovers import TEMP_PREFIX, note, remove_notes, write_notes
from hadir.core.errors import SetupError

__all__ = ["RayProcesses", "end_processes", "private_folder"]

_LONGEST_SOCKET_PATH = 107
_SESSION_SOCKET = "/r/session_2026-01-01_00-00-00_000000_1234567/sockets/plasma_store"
_SERVERS = {"gcs_server", "raylet"}


def private_folder() -> Path:
    """A folder for one Ray (0700) with a path short enough for its sockets.

    Raises:
        SetupError: neither TMPDIR nor /tmp is writable and short enough.
    """
    longest = _LONGEST_SOCKET_PATH - len(_SESSION_SOCKET) - len(TEMP_PREFIX) - 9
    for base in (tempfile.gettempdir(), "/tmp"):  # noqa: S108 - mkdtemp makes a private folder in it
        if len(base) <= longest and os.access(base, os.W_OK):
            return Path(tempfile.mkdtemp(prefix=TEMP_PREFIX, dir=base))
    raise SetupError(f"no writable folder for Ray's sockets: TMPDIR must be a path of {longest} characters at most")


class RayProcesses:
    """This process's own children that work in the private folder: Ray's, and no others. Not thread-safe."""

    def __init__(self, run_folder: Path, temp_folder: Path) -> None:
        self._run_folder, self._temp_folder = run_folder, temp_folder

    @property
    def ray_folder(self) -> Path:
        """For Ray's sessions. Ray makes it 0777; inside the private one nobody else gets that far."""
        return self._temp_folder / "r"

    def servers(self) -> list[psutil.Process]:
        """Head and raylet, as far as they run here."""
        return [one for one in self._roots() if one.name() in _SERVERS]

    def watch(self, names: dict[str, str] | None = None) -> DeathWatch:
        """Who notices when a server ends; `names` says what it is to be called, by its program's name.

        Raises:
            SetupError: one has ended already.
        """
        called = names or {}
        return DeathWatch({called.get(one.name(), one.name()): one.pid for one in self.servers()})

    def running(self) -> list[psutil.Process]:
        """Everything of it that runs now, workers included."""
        found = []
        for root in self._roots():
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [root, *root.children(recursive=True)]
        return found

    def note(self) -> None:
        """Note what runs, for `end_leftovers`."""
        noted = []
        for process in self.running():
            with contextlib.suppress(psutil.NoSuchProcess):
                noted.append(note(process))
        write_notes(self._run_folder, self._temp_folder, noted)

    def forget(self) -> None:
        """Nothing of it is left: remove its folder and its notes. Idempotent."""
        shutil.rmtree(self._temp_folder, ignore_errors=True)
        remove_notes(self._run_folder)

    def _roots(self) -> Iterator[psutil.Process]:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if any(str(self._temp_folder) in argument for argument in child.cmdline()):
                    yield child


def end_processes(processes: list[psutil.Process]) -> None:
    """What Ray's own shutdown left, mostly its agents; psutil kills by pid and start time. Blocks 3 s at most."""
    _, alive = psutil.wait_procs(processes, timeout=0.2)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=3)
