"""`hadir index`: snapshots that searches are served from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hadir.app import cli_build, cli_promote, cli_repair, cli_shadow
from hadir.app.options import Config, Json, settings_of, wrong_use
from hadir.app.output import lines, print_json

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4

Place = Annotated[
    Path | None,
    typer.Argument(metavar="[SNAPSHOT]", help="An id, a snapshot's folder, or a folder of them. Default: the current."),
]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Build index snapshots, compare them and let them serve.")
    cli_build.register(group)
    group.command("list", epilog="Example:  hadir index list")(list_all)
    group.command("show", epilog="Example:  hadir index show")(show)
    group.command("diff", epilog="Example:  hadir index diff")(diff)
    group.command("verify", epilog="Example:  hadir index verify var/snapshots")(verify)
    cli_shadow.register(group)
    cli_promote.register(group)
    cli_repair.register(group)
    app.add_typer(group, name="index")


def list_all(
    snapshots: cli_promote.Snapshots = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """All snapshots, the newest first: which serves, which waits, whose they are and what they hold."""
    from hadir.app.gate_run import limits_of
    from hadir.app.snapshot_report import list_document, say_list
    from hadir.core.clock import SystemClock
    from hadir.index.snapshot_list import list_snapshots

    settings = settings_of(config)
    root = snapshots or Path(settings.stores.snapshots)
    listed = list_snapshots(root, SystemClock().now_ms(), limits_of(settings).replicas.stale_after_s)
    if as_json:
        print_json(list_document(listed))
    else:
        say_list(listed)
    return _DONE


def show(place: Place = None, config: Config = None, as_json: Json = False) -> int:
    """What a snapshot holds, and which similarity its own people support for which rate."""
    from hadir.app.snapshot_report import say_snapshot, snapshot_document
    from hadir.index.snapshot import load_snapshot

    path = _found(place, config)
    snapshot = load_snapshot(path)
    if as_json:
        print_json(snapshot_document(path, snapshot))
    else:
        say_snapshot(path, snapshot)
    return _DONE


def diff(
    before: Annotated[str | None, typer.Argument(metavar="[A]", help="An id. Default: the current.")] = None,
    after: Annotated[str | None, typer.Argument(metavar="[B]", help="An id. Default: the candidate.")] = None,
    snapshots: cli_promote.Snapshots = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Who is gained, lost or has other photos from one snapshot to another, also across embedding spaces."""
    from hadir.app.snapshot_report import diff_document, say_diff
    from hadir.index.pointers import read_pointers, snapshot_folder
    from hadir.index.snapshot_diff import diff_people, enrolled

    root = snapshots or Path(settings_of(config).stores.snapshots)
    pointers = read_pointers(root)
    chosen = (before or pointers.current, after or pointers.candidate)
    if chosen[0] is None or chosen[1] is None:
        raise wrong_use(f"{root} has no current and candidate to compare: name two ids (hadir index list)")
    sides = [enrolled(snapshot_folder(root, one)) for one in chosen if one is not None]
    found = diff_people(sides[0].people, sides[1].people)
    if as_json:
        print_json(diff_document(sides[0], sides[1], found))
    else:
        say_diff(sides[0], sides[1], found)
    return _DONE


def verify(place: Place = None, config: Config = None, as_json: Json = False) -> int:
    """Every checksum, count and self-test of a snapshot; exit code 4 when one fails."""
    from hadir.index.snapshot import verify_snapshot

    path = _found(place, config)
    checks = verify_snapshot(path)
    sound = all(check.problem is None for check in checks)
    if as_json:
        told = [{"name": check.name, "problem": check.problem} for check in checks]
        print_json({"snapshot": path.name, "sound": sound, "checks": told})
    else:
        lines((check.name, check.problem or "ok") for check in checks)
    return _DONE if sound else _GATE_FAILED


def _found(place: Path | None, config: Path | None) -> Path:
    """The folder that is meant: by id, by path, or the current one."""
    from hadir.index.pointers import resolve, snapshot_folder

    if place is not None and place.exists():
        return resolve(place)
    root = Path(settings_of(config).stores.snapshots)
    return resolve(root) if place is None else snapshot_folder(root, str(place))
