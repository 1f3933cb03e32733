"""What a local Ray has started, noted so that the next start can end exactly that, and nothing else.

After a SIGKILL of its driver, Ray 2.60 on Linux mostly ends by itself: head, raylet and monitors are bound to the
driver by PR_SET_PDEATHSIG. Its two agents and an actor in the middle of a call were seen to live on for seconds, and
for as long as a minute where the raylet alone was killed. `ray stop` would end them by name, and with them the Ray of
anybody else on the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from hadir.core.errors import SetupError

__all__ = ["NOTES_FILE", "TEMP_PREFIX", "Noted", "end_leftovers", "note", "remove_notes", "write_notes"]

NOTES_FILE = "ray.json"
TEMP_PREFIX = "hadir-ray-"
_SAME_START_S = 1.0
"""psutil derives start times from the boot time, which follows clock corrections; no pid comes back within a second."""
_ENDS_WITHIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Noted:
    """One process: a pid alone may be somebody else's by now, a pid with its start time (UTC seconds) is not."""

    pid: int
    started_s: float


def note(process: psutil.Process) -> Noted:
    """The identity of a living process.

    Raises:
        psutil.NoSuchProcess: it has ended meanwhile.
    """
    return Noted(process.pid, process.create_time())


def write_notes(run_folder: Path, temp_folder: Path, processes: Iterable[Noted]) -> None:
    """Replace `ray.json` (mode 0600) at once and whole; the owner is this process."""
    owner = note(psutil.Process())
    content = {
        "owner": [owner.pid, owner.started_s],
        "temp_folder": str(temp_folder),
        "processes": [[p.pid, p.started_s] for p in processes],
    }
    run_folder.mkdir(parents=True, exist_ok=True)
    unfinished = run_folder / f"{NOTES_FILE}.new"
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        json.dump(content, file)
    unfinished.replace(run_folder / NOTES_FILE)


def remove_notes(run_folder: Path) -> None:
    """Nothing is left to end."""
    (run_folder / NOTES_FILE).unlink(missing_ok=True)


def end_leftovers(run_folder: Path) -> int:
    """End (SIGKILL) what an earlier run's Ray has left, with its workers, and remove its folder.

    Blocks ten seconds at most.

    Returns:
        How many processes were still there.

    Raises:
        SetupError: the run that wrote the notes is alive, the notes cannot be read, or a process does not end.
    """
    path = run_folder / NOTES_FILE
    if not path.exists():
        return 0
    owner, temp_folder, noted = _read(path)
    if _find(owner) is not None:
        raise SetupError(
            f"another run (pid {owner.pid}) uses this run folder and its Ray: end it, or give this one another folder"
        )
    alive = list(_with_descendants(noted))
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _await_end(alive)
    if temp_folder.name.startswith(TEMP_PREFIX):
        shutil.rmtree(temp_folder, ignore_errors=True)
    remove_notes(run_folder)
    return len(alive)


def _read(path: Path) -> tuple[Noted, Path, list[Noted]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        owner = Noted(*content["owner"])
        return owner, Path(content["temp_folder"]), [Noted(*entry) for entry in content["processes"]]
    except (OSError, ValueError, KeyError, TypeError) as err:
        raise SetupError(
            f"the notes {path.name} in the run folder cannot be read ({type(err).__name__}): see that no Ray of an "
            "earlier run is left, then delete the file"
        ) from err


def _find(noted: Noted) -> psutil.Process | None:
    """The process that was noted, if it lives; a zombie does not."""
    try:
        process = psutil.Process(noted.pid)
        same = abs(process.create_time() - noted.started_s) < _SAME_START_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.NoSuchProcess:
        return None


def _with_descendants(noted: Iterable[Noted]) -> Iterator[psutil.Process]:
    seen: set[int] = set()
    for root in filter(None, map(_find, noted)):
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [root, *root.children(recursive=True)]:
                if process.pid not in seen:
                    seen.add(process.pid)
                    yield process


def _await_end(processes: list[psutil.Process]) -> None:
    _, alive = psutil.wait_procs(processes, timeout=_ENDS_WITHIN_S)
    stubborn = [p.pid for p in alive if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]
    if stubborn:
        raise SetupError(f"processes {stubborn} of an earlier run's Ray do not end: end them by hand, then start again")
