"""`hadir ledger`: is it whole, and what is in it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hadir.app.options import Config, Json, LedgerUrl, settings_of
from hadir.app.output import err, out, print_json
from hadir.core.errors import InputError

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4
_EXAMPLE = "2026-01-31T00:00+07:00"

Moment = Annotated[str | None, typer.Option(metavar="TIME", help=f"ISO 8601 with a zone, for example {_EXAMPLE}.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Verify and export the ledger of verdicts.")
    group.command("verify", epilog="Example:  hadir ledger verify --heads heads.jsonl")(verify)
    group.command("export", epilog="Example:  hadir ledger export --since 2026-01-31T00:00+07:00 > verdicts.jsonl")(
        export
    )
    app.add_typer(group, name="ledger")


def verify(
    heads: Annotated[
        Path | None,
        typer.Option(help="Published chain heads: they find a cut tail. Default: the settings'."),
    ] = None,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Walk every chain and name each changed, missing or reordered row, by row and field (then exit code 4)."""
    from hadir.app.wiring import existing_ledger
    from hadir.attendance.ledger_heads import read_heads
    from hadir.attendance.ledger_verify import verify as verified

    settings = settings_of(config)
    kept = heads or (Path(settings.ledger.heads) if ledger is None and Path(settings.ledger.heads).exists() else None)
    published = read_heads(kept) if kept is not None else None
    with closing(existing_ledger(ledger or settings.ledger.url)) as store:
        rows = store.counts().rows
        problems = verified(store, published)
    if as_json:
        print_json(
            {
                "rows": rows,
                "heads": len(published or ()),
                "verified": not problems,
                "problems": [str(p) for p in problems],
            }
        )
    else:
        for problem in problems:
            err.print(str(problem), markup=False)
        out.print(f"{rows} check-ins, {'every chain whole' if not problems else f'{len(problems)} problems found'}.")
        if published is None:
            out.print("Without published heads (--heads) a cut tail cannot be seen.")
    return _GATE_FAILED if problems else _DONE


def export(
    since: Moment = None,
    until: Moment = None,
    evidence: Annotated[bool, typer.Option("--evidence", help="With scores and coordinates: for auditors.")] = False,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """One JSON line per row, by time of reception; --json makes one document of them."""
    from hadir.app.wiring import existing_ledger
    from hadir.attendance.ledger_export import export as exported

    with closing(existing_ledger(ledger or settings_of(config).ledger.url)) as store:
        rows = exported(store, _ms("--since", since), _ms("--until", until), evidence=evidence)
        if as_json:
            print_json({"rows": list(rows)})
        else:
            for row in rows:
                sys.stdout.write(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n")
    return _DONE


def _ms(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(f"{name} {text}: expected ISO 8601, for example {_EXAMPLE}") from error
    if moment.tzinfo is None:
        raise InputError(f"{name} {text}: the time zone is missing, for example {text}+07:00")
    return round(moment.timestamp() * 1000)
