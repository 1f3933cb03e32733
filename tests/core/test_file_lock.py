"""One process at a time, until it ends, however it ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hadir.core.errors import SetupError
from hadir.core.file_lock import held_alone

BUSY = SetupError("somebody is at it")
HOLDER = """
import sys
from pathlib import Path
from hadir.core.errors import SetupError
from hadir.core.file_lock import held_alone
with held_alone(Path(sys.argv[1]), SetupError("busy")):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_told_so_until_the_first_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(SetupError, match="somebody is at it"), held_alone(path, BUSY):
            pytest.fail("two hold it")
        holder.kill()
    with held_alone(path, BUSY):
        assert path.stat().st_mode & 0o777 == 0o600


def test_it_is_let_go_after_an_error_in_the_block(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with pytest.raises(RuntimeError, match="inside"), held_alone(path, BUSY):
        raise RuntimeError("inside")
    with held_alone(path, BUSY):
        assert path.exists()
