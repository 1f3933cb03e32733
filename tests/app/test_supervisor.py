"""One program kept running by another that holds nothing."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PATIENCE_S = 60.0

SUPERVISE = """
import sys
from hadir.app.restarts import RestartPolicy, Restarts
from hadir.app.supervisor import Supervisor
from hadir.core.clock import SystemClock
policy = RestartPolicy(first_s=0.01, longest_s=0.05)
sys.exit(Supervisor([sys.executable, "-c", sys.argv[1], *sys.argv[2:]], Restarts(policy), SystemClock()).run())
"""

NOTED = "import sys, os\nopen(sys.argv[1], 'a').write('x')\ntimes = os.path.getsize(sys.argv[1])\n"
"""How often it has been started."""

SAYS_AND_WAITS = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
with open(sys.argv[1], 'w') as fifo:
    fifo.write(str(os.getpid()))
signal.pause()
"""


def supervised(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SUPERVISE, program, *arguments])


def test_a_program_that_dies_or_fails_is_started_again_until_it_is_done(tmp_path: Path) -> None:
    program = NOTED + "if times == 1: os.kill(os.getpid(), 9)\nsys.exit(1 if times == 2 else 0)"
    assert supervised(program, str(tmp_path / "times")).wait(PATIENCE_S) == 0
    assert (tmp_path / "times").read_text() == "xxx"


def test_it_is_not_given_up_while_it_fails(tmp_path: Path) -> None:
    program = NOTED + "sys.exit(1 if times < 15 else 0)"
    assert supervised(program, str(tmp_path / "times")).wait(PATIENCE_S) == 0
    assert (tmp_path / "times").read_text() == "x" * 15


def test_wrong_use_is_not_tried_again(tmp_path: Path) -> None:
    assert supervised(NOTED + "sys.exit(2)", str(tmp_path / "times")).wait(PATIENCE_S) == 2
    assert (tmp_path / "times").read_text() == "x"


def test_a_signal_is_handed_on_and_ends_both(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    supervisor = supervised(SAYS_AND_WAITS, str(fifo))
    fifo.read_text()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(PATIENCE_S) == 0


def test_where_the_supervisor_is_killed_the_program_is_told_to_end(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    supervisor = supervised(SAYS_AND_WAITS, str(fifo))
    watched = os.pidfd_open(int(fifo.read_text()))
    supervisor.kill()
    supervisor.wait(PATIENCE_S)
    ended, _, _ = select.select([watched], [], [], PATIENCE_S)
    os.close(watched)
    assert ended
