"""`hadir doctor`: what is there, what is not, and what to do about it."""

from __future__ import annotations

import typer

from hadir.app.options import Config, Json, settings_of
from hadir.app.output import out, print_json

__all__ = ["register"]

_DONE, _ERROR = 0, 1
_MARKS = {"ok": "[green]ok[/]  ", "note": "[yellow]note[/]", "bad": "[red]bad[/] "}


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("doctor", epilog="Example:  hadir doctor --json")(doctor)


def doctor(config: Config = None, as_json: Json = False) -> int:
    """Look at every part that a morning needs: each is ok, worth a note, or bad with what to do (then exit code 1)."""
    from hadir.app.checkup import checkup

    found = checkup(settings_of(config))
    healthy = all(one.state != "bad" for one in found)
    if as_json:
        told = [{"part": one.part, "state": one.state, "found": one.found, "do": one.do} for one in found]
        print_json({"healthy": healthy, "parts": told})
    else:
        for one in found:
            out.print(f"{_MARKS[one.state]} {one.part:<14} ", end="")
            out.print(one.found, markup=False)
            if one.do:
                out.print(f"                    → {one.do}", markup=False)
    return _DONE if healthy else _ERROR
