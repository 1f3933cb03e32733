"""`hadir reconcile`: was everything that was received decided, once, and rightly recorded?"""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, time, timedelta, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, LedgerUrl, settings_of, wrong_use
from hadir.app.output import err, lines, out, print_json, progress

if TYPE_CHECKING:
    from hadir.attendance.ledger import Ledger
    from hadir.core.settings import Settings
    from hadir.pipeline.reconcile import HourCounts, Reconciled

__all__ = ["register"]

_DONE, _PARTLY, _GATE_FAILED = 0, 3, 4
_SHOWN = 50
_EXAMPLE = "2026-01-31T06:00+07:00"


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command("reconcile", epilog="Example:  hadir reconcile --hours 24 --export rekonsiliasi.csv")(reconcile)


def reconcile(
    since: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="From when, by the site's clock; default: today 00:00."),
    ] = None,
    until: Annotated[
        str | None, typer.Option("--to", metavar="TIME", help="Until when, not including; default: now.")
    ] = None,
    hours: Annotated[
        float | None, typer.Option(min=0.01, max=10_000, help="Instead of --from: the last so many.")
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(metavar="FILE.csv", help="Counts by hour and unit for a spreadsheet; faults in a file beside it."),
    ] = None,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Hold every record of the check-in topic against the ledger, by id and content; changes nothing.

    Exit code 0: they agree. 3: they agree, and some records are not reached yet. 4: something is missing, doubled or
    not what was sent.
    """
    from hadir.app.reconcile_report import document, last_line, write_csv
    from hadir.app.reconciling import reconciler_of
    from hadir.app.wiring import existing_ledger, kafka_cluster
    from hadir.core.clock import SystemClock
    from hadir.pipeline.kafka_reader import KafkaReader
    from hadir.pipeline.topics import CHECK_INS

    if since is not None and hours is not None:
        raise wrong_use("--from and --hours are two ways to say the same: give one of them")
    settings = settings_of(config)
    zone, now_ms = _zone(settings), SystemClock().now_ms()
    until_ms = now_ms if until is None else _ms("--to", until, zone)
    since_ms = _since_ms(since, hours, until_ms, zone)
    if since_ms >= until_ms:
        raise wrong_use("--from must lie before --to")
    with closing(existing_ledger(ledger or settings.ledger.url)) as store:
        skipped = _skipped(store, since_ms)
        reader = KafkaReader(kafka_cluster(settings))
        with progress("mencocokkan · reconciling", None) as bar:
            found = reconciler_of(settings, reader, store, CHECK_INS).between(
                since_ms, until_ms, lambda count: bar.advance(bar.task_ids[0], count)
            )
    written = [] if export is None else write_csv(export, found, zone)
    if as_json:
        print_json({**document(found, since_ms, until_ms), "skipped": skipped})
    else:
        _say(found, since_ms, until_ms, zone)
        if skipped:
            out.print(
                f"{skipped} rekaman hilang dari log, dilewati dengan catatan · lost records, skipped on the record."
            )
        out.print(last_line(found))
        for path in written:
            err.print(f"ditulis · written: {path}", markup=False)
    if not found.holds:
        return _GATE_FAILED
    return _PARTLY if found.total.undecided else _DONE


def _skipped(store: Ledger, since_ms: int) -> int:
    """Lost records that a human went on behind since then, with a reason (`hadir ledger skip-lost`)."""
    from hadir.attendance.ledger_moves import MoveKind, position_moves
    from hadir.pipeline.topics import CHECK_INS

    lost = [one for one in position_moves(store) if (one.kind, one.topic) == (MoveKind.RECORDS_LOST, CHECK_INS)]
    return sum(one.to_offset - one.from_offset for one in lost if one.at_ms >= since_ms)


def _say(found: Reconciled, since_ms: int, until_ms: int, zone: tzinfo) -> None:
    from hadir.app.reconcile_report import by_hour, said

    times = " – ".join(
        datetime.fromtimestamp(ms / 1000, zone).isoformat(timespec="minutes") for ms in (since_ms, until_ms)
    )
    out.print(f"Diterima dan diputuskan · received and decided, {times}", markup=False)
    lines((hour, _in_words(counts)) for hour, counts in by_hour(found, zone))
    total = found.total
    if total.gone:
        out.print(
            f"{total.gone} putusan: rekamannya sudah dihapus log sesuai masa simpan · verdicts whose record has left "
            "the log after its retention."
        )
    if found.oldest_undecided_ms is not None:
        oldest = datetime.fromtimestamp(found.oldest_undecided_ms / 1000, zone).isoformat(timespec="seconds")
        out.print(
            f"{total.undecided} belum diputuskan (menunggu giliran, tidak hilang) · not decided yet (waiting, not "
            f"missing), the oldest since {oldest}"
        )
    for fault in found.faults[:_SHOWN]:
        out.print(said(fault), markup=False)
    if (more := sum(found.fault_counts.values()) - _SHOWN) > 0:
        out.print(f"… dan {more} lagi · and {more} more: --json or --export")
    if not found.holds:
        out.print("Yang harus dilakukan · what to do: docs/delivery.md, “When reconcile finds something”.")


def _in_words(counts: HourCounts) -> str:
    also = {
        "diulang · repeated": counts.duplicates,
        "disisihkan · set aside": counts.dead_letters,
        "belum · not yet": counts.undecided,
        "terlewat · passed over": counts.passed_over,
        "hilang · missing": counts.missing,
    }
    told = "".join(f", {name} {count}" for name, count in also.items() if count)
    return f"diterima · received {counts.received}, diputuskan · decided {counts.decided}{told}"


def _zone(settings: Settings) -> tzinfo:
    """The clock of the first unit that the settings name; UTC where they name none."""
    from hadir.attendance.units import Units

    units = Path(settings.attendance.units)
    first = next(iter(Units.load(units)), None) if units.exists() else None
    return UTC if first is None else first.zone


def _since_ms(since: str | None, hours: float | None, until_ms: int, zone: tzinfo) -> int:
    if since is not None:
        return _ms("--from", since, zone)
    if hours is not None:
        return until_ms - round(timedelta(hours=hours).total_seconds() * 1000)
    day = datetime.fromtimestamp((until_ms - 1) / 1000, zone).date()
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)


def _ms(name: str, text: str, zone: tzinfo) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise wrong_use(f"{name} {text}: expected ISO 8601, for example {_EXAMPLE}") from error
    return round((moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)).timestamp() * 1000)
