"""Exactly what was noted is ended, and nothing else."""

from __future__ import annotations

import json
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from hadir.actors.leftovers import NOTES_FILE, TEMP_PREFIX, Noted, end_leftovers, note, write_notes
from hadir.core.errors import SetupError

Child = subprocess.Popen[bytes]


@pytest.fixture
def child() -> Iterator[Child]:
    """A process with a child of its own, as a raylet has workers; says its child's pid."""
    program = (
        "import subprocess, sys; c = subprocess.Popen([sys.executable, '-c', 'input()'], stdin=subprocess.PIPE); "
        "print(c.pid, flush=True); input()"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield process
        process.kill()


def orphan(folder: Path) -> None:
    """As if the process that wrote the notes had been killed: its start time is nobody's."""
    path = folder / NOTES_FILE
    content = json.loads(path.read_text())
    content["owner"][1] -= 1000
    path.write_text(json.dumps(content))


def test_no_notes_no_leftovers(run_folder: Path) -> None:
    assert end_leftovers(run_folder) == 0


def test_a_noted_process_is_ended_with_its_children_and_its_folder(run_folder: Path, child: Child) -> None:
    assert child.stdout is not None
    grandchild = psutil.Process(int(child.stdout.readline()))
    temp = Path(tempfile.mkdtemp(prefix=TEMP_PREFIX))
    write_notes(run_folder, temp, [note(psutil.Process(child.pid))])
    orphan(run_folder)
    assert end_leftovers(run_folder) == 2
    assert not psutil.pid_exists(child.pid)
    assert not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE
    assert not temp.exists()
    assert end_leftovers(run_folder) == 0


def test_another_process_with_a_noted_pid_is_left_alone(run_folder: Path, child: Child) -> None:
    started = psutil.Process(child.pid).create_time()
    write_notes(run_folder, Path(), [Noted(child.pid, started - 60)])
    orphan(run_folder)
    assert end_leftovers(run_folder) == 0
    assert child.poll() is None


def test_a_living_run_is_never_ended(run_folder: Path, child: Child) -> None:
    write_notes(run_folder, Path(), [note(psutil.Process(child.pid))])
    with pytest.raises(SetupError, match="another run"):
        end_leftovers(run_folder)
    assert child.poll() is None


def test_a_folder_that_is_not_a_ray_folder_is_not_removed(run_folder: Path, tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.mkdir()
    write_notes(run_folder, precious, [])
    orphan(run_folder)
    end_leftovers(run_folder)
    assert precious.exists()


def test_notes_that_cannot_be_read_are_said_and_kept(run_folder: Path) -> None:
    run_folder.mkdir()
    (run_folder / NOTES_FILE).write_text('{"owner": [1')
    with pytest.raises(SetupError, match="cannot be read"):
        end_leftovers(run_folder)
    assert (run_folder / NOTES_FILE).exists()


def test_notes_are_for_this_user_alone(run_folder: Path) -> None:
    write_notes(run_folder, Path(), [])
    assert stat.S_IMODE((run_folder / NOTES_FILE).stat().st_mode) == 0o600
