"""How commands speak: results on standard output, progress and problems on standard error."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

__all__ = ["err", "fail", "keep_quiet", "lines", "moment", "out", "print_json", "progress"]

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(document: Mapping[str, object]) -> None:
    """One JSON document, keys in their own order, no NaN."""
    sys.stdout.write(json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2) + "\n")


def fail(code: str, message: str, as_json: bool) -> None:
    """Say on standard error what was wrong, in one line; machines get it as JSON on standard output as well."""
    if as_json:
        print_json({"error": code, "message": message})
    err.print(f"[bold red]hadir:[/] {_plain(message)}")


def keep_quiet() -> None:
    """Log nothing until somebody says where to: a command's own sentence tells what is wrong, not its vendors' many."""
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def progress(label: str, total: int | None) -> Progress:
    """A bar on standard error that disappears when done; silent where standard error is no terminal."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )
    bar.add_task(label, total=total)
    return bar


def lines(rows: Iterable[tuple[str, str]]) -> None:
    """Name and value, aligned."""
    pairs = list(rows)
    width = max((len(name) for name, _ in pairs), default=0)
    for name, value in pairs:
        out.print(f"  {name:<{width}}  {_plain(value)}")


def moment(at_ms: int) -> str:
    """UTC milliseconds as people read them."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _plain(text: str) -> str:
    return text.replace("[", r"\[")
