"""`hadir index repair`: the pointers to what serves, after an accident."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hadir.app.cli_promote import By, Snapshots, Wait
from hadir.app.options import Config, Json, settings_of
from hadir.app.output import out, print_json

__all__ = ["register"]

_DONE = 0


def register(group: typer.Typer) -> None:
    """Add the command to `hadir index`."""
    group.command("repair", epilog="Example:  hadir index repair")(repair)


def repair(
    snapshot: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="Default: what running pipelines serve, else the history's last."),
    ] = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "the pointers were lost or damaged",
    by: By = None,
    wait: Wait = 30.0,
    snapshots: Snapshots = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Set serving.json again where it is damaged or gone: running pipelines serve on meanwhile and stay as they are.

    What one can go back to comes from the history; a candidate is to be built or named again. Exit code 4: the
    snapshot cannot be used and nothing changed.
    """
    import time

    from hadir.app.promoting import Wish
    from hadir.app.repairing import needs_repair
    from hadir.app.repairing import repair as repair_now
    from hadir.app.switch_report import exit_code, say_gate, say_switch, switch_document
    from hadir.core.clock import SystemClock
    from hadir.index.pointers import read_pointers

    settings = settings_of(config)
    root = snapshots or Path(settings.stores.snapshots)
    if not needs_repair(root):
        current = read_pointers(root).current
        if as_json:
            print_json({"snapshot": current, "repaired": False})
        else:
            out.print(f"Tidak ada yang perlu diperbaiki · nothing to repair: {current} serves.", markup=False)
        return _DONE
    told = (lambda _: None) if as_json else say_gate
    switch = repair_now(
        settings, root, snapshot, Wish(reason, by, wait_s=wait), clock=SystemClock(), sleep=time.sleep, told=told
    )
    if as_json:
        print_json({**switch_document(switch), "repaired": switch.after is not None})
    else:
        say_switch(switch, "Penunjuk diperbaiki · pointers repaired, serves")
        if switch.after is not None:
            out.print(f"  bisa kembali ke · can go back to: {switch.after.previous or '–'}", markup=False)
    return exit_code(switch)
