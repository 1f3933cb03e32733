"""`hadir bench`: start a benchmark of a checkout."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from hadir.app.options import Json, wrong_use
from hadir.core.errors import InputError

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("bench", epilog="Example:  hadir bench ceiling --json")(bench)


def bench(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A file of benchmarks/: ceiling, drain, end-to-end, gpu, gpu-check, normalisation, promote, reindex, "
            "replay, search, search-scale, sizing, soak, surge, watching.",
        ),
    ],
    as_json: Json = False,
    rounds: Annotated[int, typer.Option(min=1, max=100, help="Alternating rounds; the median is quoted.")] = 5,
    minutes: Annotated[
        float | None, typer.Option(min=0.1, max=1440, help="surge and soak alone: of the morning, of the load.")
    ] = None,
) -> int:
    """Measure, in alternating rounds, and print commit, machine, conditions and spread."""
    folder = Path.cwd() / "benchmarks"
    if not folder.is_dir():
        raise InputError(
            "there is no folder benchmarks/ here: benchmarks run from a checkout of Hadir, not from a package"
        )
    script = folder / f"{name.replace('-', '_')}.py"
    known = sorted(p.stem.replace("_", "-") for p in folder.glob("*.py") if not p.stem.startswith("_"))
    if script.name.startswith("_") or not script.is_file() or script.parent != folder:
        raise wrong_use(f"no benchmark '{name}'; there are: {', '.join(known) or 'none'}")
    arguments = [
        sys.executable,
        "-m",
        f"benchmarks.{script.stem}",
        "--rounds",
        str(rounds),
        *(["--json"] if as_json else []),
        *([] if minutes is None else ["--minutes", str(minutes)]),
    ]
    return subprocess.run(arguments, check=False).returncode  # noqa: S603 - our own interpreter, a file of the checkout
