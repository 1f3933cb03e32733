"""A partition's position moved by a human: over records that the log has lost, or back to read some again.

Never without a record: who, when, why and from where to where stand in a table that is only added to, and in a security
event, in one transaction with the move.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, and_, insert, select, update

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_tables import METADATA, positions_t, security_events_t
from hadir.attendance.migrate import require_current
from hadir.core.errors import InputError, PositionConflict

__all__ = ["MoveKind", "PositionMove", "move_position", "position_moves", "position_moves_t"]

position_moves_t = Table(
    "position_moves",
    METADATA,
    Column("seq", BigInteger, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("source_partition", Integer, nullable=False),
    Column("from_offset", BigInteger, nullable=False),
    Column("to_offset", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("reason", Text, nullable=False),
)


class MoveKind(StrEnum):
    """Also the code of the security event."""

    RECORDS_LOST = "records_lost"
    """Forward, over offsets that the log does not hold any more: nobody can decide them."""
    READ_AGAIN = "read_again"
    """Back: what has a verdict keeps it and is published again, what has none is decided by its first reception."""


@dataclass(frozen=True, slots=True)
class PositionMove:
    """One move of one partition. `actor` is the account that ordered it."""

    kind: MoveKind
    topic: str
    partition: int
    from_offset: int
    to_offset: int
    actor: str
    reason: str
    at_ms: int

    @property
    def place(self) -> str:
        """The offsets between, the last one included: as the security event names them."""
        low, high = sorted((self.from_offset, self.to_offset))
        return f"{self.topic}/{self.partition}@{low}-{high - 1}"


def move_position(url: str, move: PositionMove, stored: int | None) -> None:
    """Move a position from `stored` (None: the ledger has none yet), and note it, durably or not at all.

    Raises:
        InputError: the direction is not the kind's, or there is no reason.
        PositionConflict: the position is another one by now; nothing was moved.
        LedgerUnavailable: the database does not answer. ConfigError, InputError: there is no such ledger.
    """
    if (move.to_offset > move.from_offset) != (move.kind is MoveKind.RECORDS_LOST):
        raise InputError(f"from {move.from_offset} to {move.to_offset} is no move of kind {move.kind.value}")
    if not move.reason.strip():
        raise InputError("a reason is missing: it stands in the ledger beside the move")
    with _writable(url) as database, database.writing() as connection:
        if not _moved(connection, move, stored):
            raise PositionConflict(
                f"partition {move.partition} of {move.topic} is not at {stored} any more: somebody moved it, look again"
            )
        connection.execute(insert(position_moves_t), _values(move))
        event = {"at_ms": move.at_ms, "code": move.kind.value, "check_in_id": move.place}
        connection.execute(insert(security_events_t), event)


def position_moves(ledger: Ledger) -> list[PositionMove]:
    """Every move there was, the oldest first. Raises LedgerUnavailable."""
    with ledger.snapshot() as connection:
        stored = connection.execute(select(position_moves_t).order_by(position_moves_t.c.seq)).mappings().all()
    return [
        PositionMove(
            MoveKind(row["kind"]),
            row["topic"],
            row["source_partition"],
            row["from_offset"],
            row["to_offset"],
            row["actor"],
            row["reason"],
            row["at_ms"],
        )
        for row in stored
    ]


def _moved(connection: Connection, move: PositionMove, stored: int | None) -> bool:
    of_partition = and_(positions_t.c.topic == move.topic, positions_t.c.source_partition == move.partition)
    if stored is not None:
        at_stored = update(positions_t).where(of_partition, positions_t.c.next_offset == stored)
        return connection.execute(at_stored.values(next_offset=move.to_offset)).rowcount == 1
    if connection.execute(select(positions_t).where(of_partition)).first() is not None:
        return False
    values = {"topic": move.topic, "source_partition": move.partition, "next_offset": move.to_offset}
    connection.execute(insert(positions_t), values)
    return True


@contextmanager
def _writable(url: str) -> Iterator[Database]:
    database = Database(url, create=False)
    try:
        require_current(database)
        yield database
    finally:
        database.close()


def _values(move: PositionMove) -> dict[str, object]:
    return {
        "at_ms": move.at_ms,
        "kind": move.kind.value,
        "topic": move.topic,
        "source_partition": move.partition,
        "from_offset": move.from_offset,
        "to_offset": move.to_offset,
        "actor": move.actor,
        "reason": move.reason,
    }
