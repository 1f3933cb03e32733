"""Dashboards against Grafana's own schema, where Go is at hand: no Grafana is needed.

`python -m dev.watch.strict FILE ...` prints what is wrong, and ends with 1 where anything is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from hadir.core.errors import SetupError

__all__ = ["checker", "faults_in", "missing_part"]

_ROOT: Final = Path(__file__).resolve().parents[2]
_SOURCE: Final = Path(__file__).with_name("strict_dashboard.go")
_PLACE: Final = _ROOT / ".cache" / "strict-dashboard"
_SDK: Final = "github.com/grafana/grafana-foundation-sdk/go@v0.0.18"
_PATIENCE_S: Final = 540


def missing_part() -> str | None:
    """What is missing for the check, in one sentence; None: nothing."""
    if (_PLACE / "checker").exists() or shutil.which("go") is not None:
        return None
    return "no Go found: Grafana's schema is checked where Go 1.21 or newer is in the path"


def checker() -> Path:
    """The program, built once for each version of its source: a minute, and 20 MB from Go's module proxy.

    Raises:
        SetupError: there is no Go, or it does not build; the message is Go's own.
    """
    program, built_from = _PLACE / "checker", _PLACE / "main.go"
    if program.exists() and built_from.exists() and built_from.read_bytes() == _SOURCE.read_bytes():
        return program
    if shutil.which("go") is None:
        raise SetupError(missing_part() or "no Go found")
    shutil.rmtree(_PLACE, ignore_errors=True)
    _PLACE.mkdir(parents=True)
    shutil.copyfile(_SOURCE, built_from)
    _go("mod", "init", "local/strict-dashboard")
    _go("get", _SDK)
    _go("build", "-trimpath", "-ldflags=-s -w", "-o", "checker", ".")
    return program


def faults_in(files: Sequence[Path]) -> list[str]:
    """One line for each fault, with file and field; empty: all are good. Raises as `checker`."""
    done = subprocess.run([checker(), *files], capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    if done.returncode not in {0, 1} or done.stderr:
        raise SetupError(f"the dashboard checker broke: {done.stderr.strip()[-500:]}")
    return done.stdout.splitlines()


def _go(*arguments: str) -> None:
    environment = os.environ | {"CGO_ENABLED": "0", "GOTOOLCHAIN": "local", "GOFLAGS": "-mod=mod"}
    done = subprocess.run(
        ["go", *arguments],
        cwd=_PLACE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    if done.returncode:
        raise SetupError(f"go {arguments[0]} failed: {done.stderr.strip()[-500:]}")


def main(arguments: Sequence[str]) -> int:
    """The program."""
    faults = faults_in([Path(one) for one in arguments])
    print("\n".join(faults) if faults else f"{len(arguments)} files, no fault")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
