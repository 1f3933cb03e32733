"""Rows and batches for the ledger's tests, and the hand of someone who changes the database directly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import NullPool, create_engine, text

from hadir.attendance.ledger_batch import Advance, Decision, LedgerBatch, SecurityEvent
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.message import Message
from hadir.core.verdict import Outcome, Reason

__all__ = ["BODY", "START_MS", "TOPIC", "batch_of", "example_id", "example_row", "tamper"]

TOPIC = "hadir.check-ins.v1"
START_MS = 1_763_000_000_000

BODY: Mapping[str, object] = {
    "device_id": "reader-7",
    "face": {"claimed": {"similarity": 0.712345}},
    "fix": {"accuracy_m": 12.0, "latitude_deg": -8.17, "longitude_deg": 113.7, "mock": None},
}


def example_id(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def example_row(number: int, partition: int = 0, offset: int | None = None, **changes: Any) -> LedgerRow:
    """An accepted row; by default its number is also its offset and the second it was received in."""
    row = LedgerRow(
        id=example_id(number),
        revision=0,
        person=f"person-{number % 7}",
        direction="in",
        channel="face",
        outcome=Outcome.ACCEPTED,
        reasons=(Reason.LATE, Reason.REPEATED),
        case=False,
        minutes=4,
        distance_m=12.3,
        field=None,
        shift="dinas/2026-11-23/pagi",
        captured_at_ms=START_MS + number * 1000 - 300,
        received_at_ms=START_MS + number * 1000,
        decided_at_ms=START_MS + number * 1000 + 80,
        partition=partition,
        offset=number if offset is None else offset,
        snapshot="snapshot-1",
        embedding_space="e" * 64,
        policy="policy-1",
        content_sha256="c" * 64,
    )
    return replace(row, **changes)


def batch_of(
    rows: Sequence[LedgerRow],
    *,
    expected: Mapping[int, int] | None = None,
    outbox: Sequence[Message] = (),
    security_events: Sequence[SecurityEvent] = (),
) -> LedgerBatch:
    """These rows, each partition moved from `expected` (absent: no position yet) to just after its last row."""
    ends: dict[int, int] = {}
    for row in rows:
        ends[row.partition] = max(ends.get(row.partition, 0), row.offset + 1)
    advances = tuple(Advance(partition, (expected or {}).get(partition), end) for partition, end in ends.items())
    decisions = tuple(Decision(row, BODY) for row in rows)
    return LedgerBatch(TOPIC, decisions, tuple(outbox), tuple(security_events), advances)


def tamper(url: str, *statements: str, **values: object) -> None:
    """Run SQL beside Hadir, with foreign keys off: what somebody with the database's password can do."""
    engine = create_engine(url, poolclass=NullPool)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in statements:
            connection.execute(text(statement), values)
