"""The ledger's tables as SQLAlchemy sees them (the migrations make them), and rows in and out of them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    RowMapping,
    Select,
    Table,
    Text,
    and_,
    bindparam,
    select,
)

from hadir.attendance.evidence_seal import SealedEvidence, read_body
from hadir.attendance.hash_chain import FORMAT, Value
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.errors import LedgerTampered
from hadir.core.message import Message
from hadir.core.verdict import Outcome, Reason

__all__ = [
    "METADATA",
    "evidence_t",
    "ledger_t",
    "message_columns",
    "message_of",
    "outbox_t",
    "photo_marks_t",
    "positions_t",
    "reasons_of",
    "row_of",
    "security_events_t",
    "select_history",
    "select_rows",
    "values_of",
]

METADATA = MetaData()

ledger_t = Table(
    "ledger",
    METADATA,
    Column("chain", Text, primary_key=True),
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("chain_format", Integer, nullable=False),
    Column("check_in_id", Text, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("direction", Text),
    Column("channel", Text),
    Column("outcome", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("is_case", Integer, nullable=False),
    Column("minutes", Integer),
    Column("shift", Text),
    Column("captured_at_ms", BigInteger),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("decided_at_ms", BigInteger, nullable=False),
    Column("source_partition", Integer, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("snapshot", Text, nullable=False),
    Column("embedding_space", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("actor", Text),
    Column("evidence_sha256", Text, nullable=False),
    Column("evidence_digests", Text, nullable=False),
    Column("field_digests", Text, nullable=False),
    Column("prev_hash", Text, nullable=False),
    Column("hash", Text, nullable=False),
)

evidence_t = Table(
    "evidence",
    METADATA,
    Column("check_in_id", Text, primary_key=True),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("salt", LargeBinary),
    Column("body", Text),
    Column("erased_at_ms", BigInteger),
)

positions_t = Table(
    "positions",
    METADATA,
    Column("topic", Text, primary_key=True),
    Column("source_partition", Integer, primary_key=True, autoincrement=False),
    Column("next_offset", BigInteger, nullable=False),
)

outbox_t = Table(
    "outbox",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("message_key", LargeBinary),
    Column("message_value", LargeBinary),
    Column("headers", Text),
    Column("value_sha256", Text, nullable=False),
    Column("published_at_ms", BigInteger),
)

security_events_t = Table(
    "security_events",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("code", Text, nullable=False),
    Column("check_in_id", Text, nullable=False),
)

photo_marks_t = Table(
    "photo_marks",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("check_in_id", Text, nullable=False),
    Column("photo", Integer, nullable=False),
    Column("person", Text, nullable=False),
    Column("received_at_ms", BigInteger, nullable=False),
    Column("source_partition", Integer, nullable=False),
    Column("source_offset", BigInteger, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("mark", LargeBinary),
    Column("replayed", Integer, nullable=False),
)


def select_rows() -> Select[Any]:
    """Every ledger row with its side table's columns."""
    beside = and_(evidence_t.c.check_in_id == ledger_t.c.check_in_id, evidence_t.c.revision == ledger_t.c.revision)
    return select(
        ledger_t,
        evidence_t.c.body,
        evidence_t.c.salt,
        evidence_t.c.erased_at_ms,
        evidence_t.c.check_in_id.label("beside"),
    ).select_from(ledger_t.outerjoin(evidence_t, beside))


def select_history() -> Select[Any]:
    """Rows of revision 0 of `people`, `shifts` and `directions`, in the order of reception.

    Three lists of parameters, because SQLite scans the whole table for a list of triples: a little more than asked.
    """
    return (
        select(ledger_t.c.person, ledger_t.c.direction, ledger_t.c.shift, ledger_t.c.outcome, ledger_t.c.reasons)
        .where(
            ledger_t.c.person.in_(bindparam("people", expanding=True)),
            ledger_t.c.shift.in_(bindparam("shifts", expanding=True)),
            ledger_t.c.direction.in_(bindparam("directions", expanding=True)),
            ledger_t.c.revision == 0,
        )
        .order_by(ledger_t.c.received_at_ms, ledger_t.c.source_partition, ledger_t.c.source_offset)
    )


def values_of(row: LedgerRow, chain: str, seq: int, evidence: SealedEvidence, actor: str | None) -> dict[str, Value]:
    """The sealed columns of a new ledger row."""
    return {
        "chain": chain,
        "seq": seq,
        "chain_format": FORMAT,
        "check_in_id": row.id,
        "revision": row.revision,
        "person": row.person,
        "direction": row.direction,
        "channel": row.channel,
        "outcome": row.outcome.value,
        "reasons": msgspec.json.encode([reason.value for reason in row.reasons]).decode(),
        "is_case": int(row.case),
        "minutes": row.minutes,
        "shift": row.shift,
        "captured_at_ms": row.captured_at_ms,
        "received_at_ms": row.received_at_ms,
        "decided_at_ms": row.decided_at_ms,
        "source_partition": row.partition,
        "source_offset": row.offset,
        "snapshot": row.snapshot,
        "embedding_space": row.embedding_space,
        "policy": row.policy,
        "actor": actor,
        "evidence_sha256": evidence.sha256,
        "evidence_digests": evidence.digests,
    }


@lru_cache(maxsize=4096)
def reasons_of(stored: str) -> tuple[Reason, ...]:
    """The reasons of a `reasons` column, in order. Raises ValueError or MsgspecError where it holds anything else."""
    return tuple(Reason(code) for code in msgspec.json.decode(stored, type=list[str]))


def row_of(stored: RowMapping) -> LedgerRow:
    """A ledger row from the columns of `ledger` and its side table's `body` (None after erasure).

    Raises:
        LedgerTampered: a column holds what no writer of Hadir puts there.
    """
    try:
        body: Mapping[str, Any] = read_body(stored["body"]) if stored["body"] is not None else {}
        return LedgerRow(
            id=stored["check_in_id"],
            revision=stored["revision"],
            person=stored["person"],
            direction=stored["direction"],
            channel=stored["channel"],
            outcome=Outcome(stored["outcome"]),
            reasons=reasons_of(stored["reasons"]),
            case=bool(stored["is_case"]),
            minutes=stored["minutes"],
            distance_m=body.get("distance_m"),
            field=body.get("field"),
            shift=stored["shift"],
            captured_at_ms=stored["captured_at_ms"],
            received_at_ms=stored["received_at_ms"],
            decided_at_ms=stored["decided_at_ms"],
            partition=stored["source_partition"],
            offset=stored["source_offset"],
            snapshot=stored["snapshot"],
            embedding_space=stored["embedding_space"],
            policy=stored["policy"],
            content_sha256=body.get("content_sha256"),
        )
    except (ValueError, TypeError, msgspec.MsgspecError) as err:
        raise LedgerTampered(
            f"row {stored['seq']} of chain {stored['chain']} holds a value that Hadir never writes: "
            "run `hadir ledger verify` to have the field named"
        ) from err


def message_columns(message: Message, value_sha256: str) -> dict[str, Any]:
    """The columns of a new outbox row."""
    return {
        "topic": message.topic,
        "message_key": message.key,
        "message_value": message.value,
        "headers": msgspec.json.encode([[name, value.hex()] for name, value in message.headers]).decode(),
        "value_sha256": value_sha256,
    }


def message_of(stored: RowMapping) -> Message:
    """The message of an outbox row that is not published yet, byte for byte."""
    headers = msgspec.json.decode(stored["headers"], type=list[tuple[str, str]])
    return Message(
        topic=stored["topic"],
        key=stored["message_key"],
        value=stored["message_value"],
        headers=tuple((name, bytes.fromhex(value)) for name, value in headers),
    )
