"""Keeping one program running on a machine where nothing else does: start it, wait, start it again.

Hadir keeps its truth in the log and the ledger, so that a run may end at any moment (Ray's head or raylet is gone,
memory ran out) and the next one goes on where it stood. This process holds nothing and loads nothing.
"""

from __future__ import annotations

import ctypes
import signal
import subprocess
import threading
from collections.abc import Sequence
from types import FrameType

import structlog

from hadir.app.restarts import Restarts
from hadir.core.clock import Clock

__all__ = ["Supervisor"]

_log = structlog.get_logger(__name__)

_PR_SET_PDEATHSIG = 1
"""linux/prctl.h"""
_LIBC = ctypes.CDLL(None)


class Supervisor:
    """On the main thread: it hears SIGTERM and Ctrl-C, and hands them on."""

    def __init__(self, command: Sequence[str], restarts: Restarts, clock: Clock) -> None:
        self._command, self._restarts, self._clock = list(command), restarts, clock
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = threading.Event()

    def run(self) -> int:
        """Until the program ends for good; its last exit code (1 where a signal ended it)."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hand_on)
        while True:
            began_s = self._clock.monotonic_s()
            code = self._once()
            wait_s = None if self._asked.is_set() else self._restarts.after(code, self._clock.monotonic_s() - began_s)
            if wait_s is None or self._pause(code, wait_s):
                return code if code >= 0 else 1

    def _once(self) -> int:
        # S603: our own program. PLW1509: this process has one thread.
        with subprocess.Popen(self._command, preexec_fn=_end_with_parent) as process:  # noqa: S603, PLW1509
            self._process = process
            if self._asked.is_set():  # it came before there was anybody to hand it to
                process.terminate()
            code = process.wait()
            self._process = None
        return code

    def _pause(self, code: int, wait_s: float) -> bool:
        """Whether somebody asked for the end meanwhile."""
        _log.error("run_ended", code=code, times=self._restarts.in_a_row, again_in_s=wait_s)
        return self._asked.wait(wait_s)

    def _hand_on(self, number: int, frame: FrameType | None) -> None:
        del frame
        self._asked.set()
        if self._process is not None:
            self._process.send_signal(number)


def _end_with_parent() -> None:
    """In the child: drain when the supervisor has been killed, since nobody would start it again."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
