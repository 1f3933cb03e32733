"""`hadir index promote | rollback | history | prune`: which snapshot serves, and who said so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import err, lines, moment, out, print_json

if TYPE_CHECKING:
    from hadir.app.promoting import Promoting, Switch
    from hadir.app.shadow_report import ShadowReport
    from hadir.core.settings import Settings

__all__ = ["NOW_SERVES", "By", "Snapshots", "Wait", "promoting", "register"]

NOW_SERVES = "Dipakai sekarang · now serves"
_DONE, _PARTLY = 0, 3

Snapshots = Annotated[Path | None, typer.Option("--snapshots", help="Folder of snapshots. Default: the settings'.")]
By = Annotated[str | None, typer.Option("--by", help="Who decides, for the history. Default: the user of this system.")]
Wait = Annotated[float, typer.Option("--wait", min=0, max=3600, help="Seconds to wait until every replica follows.")]


def register(group: typer.Typer) -> None:
    """Add the commands to `hadir index`."""
    group.command("promote", epilog="Example:  hadir index promote --reason 'photos of March'")(promote)
    group.command("rollback", epilog="Example:  hadir index rollback --reason 'more mismatches since noon'")(rollback)
    group.command("history", epilog="Example:  hadir index history")(history)
    group.command("prune", epilog="Example:  hadir index prune --keep 3")(prune)


def promote(
    snapshot: Annotated[str | None, typer.Argument(metavar="[ID]", help="Default: the candidate.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Go on although a gate fails; needs --reason.")] = False,
    by: By = None,
    wait: Wait = 30.0,
    shadow: Annotated[
        int, typer.Option("--shadow", min=0, max=100_000, help="Live check-ins that it must decide first, as a gate.")
    ] = 0,
    listen: Annotated[
        float, typer.Option(min=1, max=86_400, help="Seconds to listen for them at most; too few fail the gate.")
    ] = 600.0,
    snapshots: Snapshots = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Let a snapshot serve, if it passes the gates (configs/gates.toml); running pipelines follow within a second.

    Exit code 4: a gate failed and nothing changed. 3: it serves, and not every replica follows.
    """
    from hadir.app.promoting import Wish
    from hadir.index.pointers import read_pointers

    if force and not reason.strip():
        raise wrong_use("--force goes on in spite of a failed gate: say why with --reason, it is kept in the history")
    settings = settings_of(config)
    root = snapshots or Path(settings.stores.snapshots)
    chosen = snapshot or read_pointers(root).candidate
    if chosen is None:
        raise wrong_use(f"no snapshot waits under {root}: build one (hadir index build) or name one (hadir index list)")
    wish = Wish(reason, by, force, wait_s=wait, shadow=shadow, listen_s=listen)
    switch = promoting(settings, root, as_json).promote(chosen, wish)
    return _told(switch, NOW_SERVES, as_json)


def rollback(
    reason: Annotated[str, typer.Option(help="Why, for the history.")] = "",
    by: By = None,
    wait: Wait = 30.0,
    snapshots: Snapshots = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Let the previous snapshot serve again; once more brings you back. No gates: it has served before.

    Exit code 4: it cannot be used and nothing changed. 3: it serves, and not every replica follows, or people who were
    enrolled since are left behind: they are named, with how to bring them along.
    """
    from hadir.app.promoting import Wish

    settings = settings_of(config)
    root = snapshots or Path(settings.stores.snapshots)
    switch = promoting(settings, root, as_json).roll_back(Wish(reason, by, wait_s=wait))
    return _told(switch, "Kembali dipakai · serves again", as_json)


def history(snapshots: Snapshots = None, config: Config = None, as_json: Json = False) -> int:
    """Every promotion and rollback: when, from which to which snapshot, who, why, and every gate's figures.

    Exit code 3: a line cannot be read, or the pointers cannot and whether the last change happened is not known.
    """
    from dataclasses import asdict

    from hadir.app.switch_report import in_words
    from hadir.index.promotion import HISTORY, read_history

    root = snapshots or Path(settings_of(config).stores.snapshots)
    told = read_history(root)
    if as_json:
        events = [{**asdict(one), "happened": told.happened(n)} for n, one in enumerate(told.promotions)]
        print_json({"promotions": events, "damaged_lines": list(told.damaged), "problem": told.problem})
    else:
        lines((moment(one.note.at_ms), in_words(one, told.happened(n))) for n, one in enumerate(told.promotions))
        if not told.promotions:
            out.print("Belum ada · nothing was promoted yet.")
    for number in told.damaged:
        err.print(f"{root / HISTORY}: line {number} cannot be read, it is not shown")
    if told.problem is not None:
        err.print(told.problem, markup=False)
    return _PARTLY if told.damaged or told.problem else _DONE


def prune(
    keep: Annotated[int, typer.Option(min=0, max=10_000, help="Snapshots to keep beside those that have a role.")] = 3,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be deleted.")] = False,
    snapshots: Snapshots = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Delete old snapshots; never the current, candidate or previous one, nor what a running pipeline serves."""
    from hadir.app.gate_run import limits_of
    from hadir.core.clock import SystemClock
    from hadir.index.pointers import discard
    from hadir.index.snapshot_list import list_snapshots, prunable

    settings = settings_of(config)
    root = snapshots or Path(settings.stores.snapshots)
    listed = list_snapshots(root, SystemClock().now_ms(), limits_of(settings).replicas.stale_after_s)
    doomed = prunable(listed, keep)
    if not dry_run:
        discard(root, doomed)
    kept = [one.id for one in listed if one.id not in doomed]
    if as_json:
        print_json({"deleted": [] if dry_run else doomed, "would_delete": doomed if dry_run else [], "kept": kept})
    else:
        said = "Akan dihapus · would be deleted" if dry_run else "Dihapus · deleted"
        out.print(f"{said}: {', '.join(doomed) or '–'}. Disimpan · kept: {', '.join(kept) or '–'}.")
    return _DONE


def promoting(settings: Settings, root: Path, as_json: bool) -> Promoting:
    """Who changes what serves, and tells every gate as it is measured unless machines listen."""
    import time

    from hadir.app.cli_shadow import listening, say_shadow
    from hadir.app.promoting import Promoting
    from hadir.app.shadow import ShadowOptions, run_shadow
    from hadir.app.switch_report import say_gate
    from hadir.core.clock import SystemClock

    def shadow(snapshot_id: str, check_ins: int, listen_s: float) -> ShadowReport:
        with listening(check_ins, listen_s) as told:
            report = run_shadow(settings, snapshot_id, check_ins, ShadowOptions(listen_s=listen_s), told=told)
        if not as_json:
            say_shadow(report)
        return report

    told = () if as_json else (say_gate,)
    return Promoting(settings, root, SystemClock(), time.sleep, *told, shadow=shadow)


def _told(switch: Switch, said: str, as_json: bool) -> int:
    from hadir.app.switch_report import exit_code, say_switch, switch_document

    if as_json:
        print_json(switch_document(switch))
    else:
        say_switch(switch, said)
    return exit_code(switch)
