"""`hadir ledger`: is it whole, and what is in it."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from hadir.app import cli_ledger_moves, cli_ledger_replays
from hadir.app.options import Config, Json, LedgerUrl, settings_of, wrong_use
from hadir.app.output import err, out, print_json

__all__ = ["register"]

_DONE, _GATE_FAILED = 0, 4
_EXAMPLE = "2026-01-31T00:00+07:00"

Moment = Annotated[str | None, typer.Option(metavar="TIME", help=f"ISO 8601 with a zone, for example {_EXAMPLE}.")]


def register(app: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(no_args_is_help=True, help="Verify, export and tidy the ledger of verdicts.")
    group.command("verify", epilog="Example:  hadir ledger verify --heads heads.jsonl")(verify)
    group.command("export", epilog="Example:  hadir ledger export --since 2026-01-31T00:00+07:00 > verdicts.jsonl")(
        export
    )
    group.command("sweep", epilog="Example:  hadir ledger sweep --older-than-h 48")(sweep)
    cli_ledger_moves.register(group)
    cli_ledger_replays.register(group)
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
    from hadir.app.wiring import existing_ledger, heads_of
    from hadir.attendance.ledger_heads import read_heads
    from hadir.attendance.ledger_verify import verify as verified

    settings = settings_of(config)
    beside = heads_of(settings, ledger)
    kept = heads or (beside if beside.exists() else None)
    published = read_heads(kept) if kept is not None else None
    walked = [0]
    with closing(existing_ledger(ledger or settings.ledger.url)) as store:
        problems = verified(store, published, walked.append)
        erased = None if problems else store.counts().erased
    rows = walked[-1]
    if as_json:
        print_json(
            {
                "rows": rows,
                "heads": len(published or ()),
                "verified": not problems,
                "erased": erased,
                "problems": [{**asdict(problem), "says": str(problem)} for problem in problems],
            }
        )
    else:
        for problem in problems:
            err.print(str(problem), markup=False)
        out.print(f"{rows} baris · rows: {_found(len(problems))}.")
        if erased:
            out.print(
                f"Bukti {erased} baris sudah dihapus: pastikan setiap penghapusan memang diminta · the evidence of "
                f"{erased} rows was erased: see that each erasure was asked for."
            )
        if published is None:
            out.print(
                "Tanpa kepala rantai (--heads), ekor yang dipotong tidak terlihat · without published heads (--heads) "
                "a cut tail cannot be seen."
            )
    return _GATE_FAILED if problems else _DONE


def _found(problems: int) -> str:
    if not problems:
        return "setiap rantai utuh · every chain whole"
    return f"{problems} masalah ditemukan · {problems} problem{'' if problems == 1 else 's'} found"


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


def sweep(
    older_than_h: Annotated[
        float, typer.Option(min=1, help="Hours; younger photos stay, whatever the ledger says.")
    ] = 24,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Delete photos of cases that no row names: left by a crash before its transaction, or erased since."""
    from hadir.app.stores import case_photo_storage
    from hadir.app.wiring import existing_ledger
    from hadir.attendance.ledger_export import case_photos
    from hadir.core.clock import SystemClock
    from hadir.pipeline.case_photos import CasePhotos

    settings = settings_of(config)
    before_ms = SystemClock().now_ms() - round(older_than_h * 3_600_000)
    with closing(existing_ledger(ledger or settings.ledger.url)) as store:
        swept = CasePhotos(case_photo_storage(settings)).sweep(case_photos(store), before_ms)
    if as_json:
        print_json({"swept": swept})
    else:
        out.print(f"{swept} photos that no case names were deleted from {settings.stores.case_photos}.")
    return _DONE


def _ms(name: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong_use(f"{name} {text}: expected ISO 8601, for example {_EXAMPLE}") from error
    if moment.tzinfo is None:
        raise wrong_use(f"{name} {text}: the time zone is missing, for example {text}+07:00")
    return round(moment.timestamp() * 1000)
