"""The command line in this process: what a command says, and its exit code."""

from __future__ import annotations

import io
import json
import logging
import signal
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import Any

import structlog

from hadir.app.cli import run

__all__ = ["Said", "hadir"]


@dataclass(frozen=True, slots=True)
class Said:
    """One finished command."""

    code: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        """Standard output as the one JSON document that it must be."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    def problem(self) -> str:
        """The one line on standard error."""
        (line,) = self.err.splitlines()
        return line


def hadir(*arguments: object) -> Said:
    """Run `hadir ARGUMENTS` here; logging and signal handlers are as before afterwards."""
    out, err = io.StringIO(), io.StringIO()
    with _restored(), redirect_stdout(out), redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Said(code, out.getvalue(), err.getvalue())


@contextmanager
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    signals = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for handler in set(root.handlers) - set(handlers):
            handler.close()
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.reset_defaults()
        for number, handler_of in signals.items():
            signal.signal(number, handler_of)
