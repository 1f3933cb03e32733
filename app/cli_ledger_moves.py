"""`hadir ledger skip-lost` and `read-again`: go on after a loss, knowingly and on the record."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from hadir.app.options import Config, Json, LedgerUrl, settings_of
from hadir.app.output import out, print_json

if TYPE_CHECKING:
    from pathlib import Path

    from hadir.app.position_moves import Operator, Positions
    from hadir.attendance.ledger_moves import PositionMove

__all__ = ["register"]

_DONE = 0

Partition = Annotated[int, typer.Option(min=0, help="Of the check-in topic, as the error names it.")]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why; stands in the ledger for good, beside your account.")]


def register(group: typer.Typer) -> None:
    """Add both to `hadir ledger`."""
    skip = 'Example:  hadir ledger skip-lost --partition 3 --reason "down for three days, 2026-01-28 to 31"'
    again = 'Example:  hadir ledger read-again --partition 3 --offset 1200 --reason "missing in reconcile"'
    group.command("skip-lost", epilog=skip)(skip_lost)
    group.command("read-again", epilog=again)(read_again)


def skip_lost(
    partition: Partition, reason: Reason, ledger: LedgerUrl = None, config: Config = None, as_json: Json = False
) -> int:
    """Go on behind records that the log lost before they were decided; never over one that it still holds."""
    positions, operator = _made(ledger, config, reason)
    move = positions.skip_lost(partition, operator)
    lost = move.to_offset - move.from_offset
    _say(
        move,
        as_json,
        f"{lost} rekaman hilang dari log dan tidak akan diputuskan: minta pengirimnya mengirim ulang · {lost} records "
        "are gone from the log and will not be decided: ask their senders to send them again",
    )
    return _DONE


def read_again(
    partition: Partition,
    offset: Annotated[int, typer.Option(min=0, help="The first one to be read again, as `hadir reconcile` names it.")],
    reason: Reason,
    ledger: LedgerUrl = None,
    config: Config = None,
    as_json: Json = False,
) -> int:
    """Go back to an offset: what has no verdict gets one by its first reception, what has one keeps it."""
    positions, operator = _made(ledger, config, reason)
    move = positions.read_again(partition, offset, operator)
    _say(
        move,
        as_json,
        "Mulai ulang hadir run; setelah itu jalankan hadir reconcile · restart hadir run, then hadir reconcile",
    )
    return _DONE


def _made(ledger: str | None, config: Path | None, reason: str) -> tuple[Positions, Operator]:
    from hadir.app.operator_name import operator_name
    from hadir.app.position_moves import Operator, Positions
    from hadir.app.wiring import kafka_cluster
    from hadir.core.clock import SystemClock
    from hadir.pipeline.kafka_reader import KafkaReader
    from hadir.pipeline.topics import CHECK_INS

    settings = settings_of(config)
    reader = KafkaReader(kafka_cluster(settings))
    url = ledger or settings.ledger.url
    return Positions(url, reader, CHECK_INS, settings.kafka.group, SystemClock()), Operator(operator_name(), reason)


def _say(move: PositionMove, as_json: bool, then: str) -> None:
    if as_json:
        print_json({**asdict(move), "kind": move.kind.value})
        return
    out.print(
        f"{move.topic}/{move.partition}: {move.from_offset} → {move.to_offset}, dicatat atas nama · recorded for "
        f"{move.actor}.",
        markup=False,
    )
    out.print(f"{then}.", markup=False)
