"""The statements of one writing transaction: move positions, link rows to their chain, fill the tables beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby, pairwise
from typing import Any

from sqlalchemy import CompoundSelect, Connection, bindparam, insert, select, union_all, update

from hadir.attendance.evidence_seal import SALT_BYTES, seal_evidence
from hadir.attendance.hash_chain import GENESIS, seal
from hadir.attendance.ledger_batch import Advance, Decision, LedgerBatch
from hadir.attendance.ledger_inserts import insert_all
from hadir.attendance.ledger_photos import forget_old_photos, remember_photos
from hadir.attendance.ledger_tables import (
    evidence_t,
    ledger_t,
    message_columns,
    outbox_t,
    positions_t,
    security_events_t,
    values_of,
)
from hadir.core.errors import PositionConflict

__all__ = ["HUMAN_CHAIN", "append_batch", "append_human_row", "chain_of", "check_batch"]

HUMAN_CHAIN = "human"

Salts = Callable[[int], bytes]
"""`salts(n)`: n fresh unpredictable bytes."""

_KEPT_BESIDE = ("content_sha256", "distance_m", "field")
"""The fields of a row that can be erased: they stand in the side table's body."""

# Built once: building a statement costs as much as running it.
_MOVE = update(positions_t).where(
    positions_t.c.topic == bindparam("of_topic"),
    positions_t.c.source_partition == bindparam("of_partition"),
    positions_t.c.next_offset == bindparam("expected"),
)


def chain_of(topic: str, partition: int) -> str:
    """The name of the chain that holds one source partition's rows."""
    return f"{topic}/{partition}"


def check_batch(batch: LedgerBatch) -> None:
    """Raise ValueError where a batch breaks the rules of LedgerBatch: such a batch would be written twice or never."""
    ranges = {one.partition: range(one.expected or 0, one.next_offset) for one in batch.advances}
    if len(ranges) != len(batch.advances):
        raise ValueError("a batch advances each partition once")
    if any(one.next_offset < (one.expected or 0) for one in batch.advances):
        raise ValueError("a position never moves back")
    for decision in batch.decisions:
        row = decision.row
        if row.offset not in ranges.get(row.partition, ()):
            raise ValueError(f"offset {row.offset} of partition {row.partition} is outside of the batch's advances")
        if row.revision != 0:
            raise ValueError(f"check-in {row.id} has revision {row.revision}: a stream writes revision 0 alone")
    places = sorted(((one.row.partition, one.row.offset) for one in batch.decisions), key=lambda place: place[0])
    if any(one >= other for one, other in pairwise(places)):
        raise ValueError("the decisions of a partition stand in offset order, one per offset")
    if len({one.row.id for one in batch.decisions}) != len(batch.decisions):
        raise ValueError("a batch decides each check-in once")


@lru_cache(maxsize=64)
def _ends(chains: int) -> CompoundSelect[Any]:
    """Of so many chains, `chain_0` and on, the last row of each that has one: one statement for all partitions."""
    return union_all(
        *(
            select(
                select(ledger_t.c.chain, ledger_t.c.seq, ledger_t.c.hash)
                .where(ledger_t.c.chain == bindparam(f"chain_{number}"))
                .order_by(ledger_t.c.seq.desc())
                .limit(1)
                .subquery()
            )
            for number in range(chains)
        )
    )


def append_batch(connection: Connection, batch: LedgerBatch, salts: Salts) -> None:
    """Write a checked batch. Positions first: a writer that has lost its partition stops before it adds anything.

    Raises:
        PositionConflict: a position is not the expected one.
        IntegrityError: a position, a chain's row or an id exists already.
    """
    for advance in sorted(batch.advances, key=lambda one: one.partition):
        _move(connection, batch.topic, advance)
    by_partition = sorted(batch.decisions, key=_partition)
    by_chain = {chain_of(batch.topic, p): [*some] for p, some in groupby(by_partition, key=_partition)}
    _append_rows(connection, by_chain, salts)
    if batch.outbox:
        insert_all(
            connection, outbox_t, [message_columns(one, hashlib.sha256(one.value).hexdigest()) for one in batch.outbox]
        )
    if batch.security_events:
        events = [{"at_ms": e.at_ms, "code": e.code, "check_in_id": e.check_in_id} for e in batch.security_events]
        connection.execute(insert(security_events_t), events)
    if batch.photos:
        remember_photos(connection, batch.photos)
    if batch.forget_photos_before_ms is not None:
        forget_old_photos(connection, batch.forget_photos_before_ms)


def append_human_row(connection: Connection, decision: Decision, actor: str, salts: Salts) -> None:
    """Link one human's decision to the end of the chain `human`, with its side-table row."""
    _append_rows(connection, {HUMAN_CHAIN: [decision]}, salts, actor)


def _append_rows(
    connection: Connection, by_chain: Mapping[str, Sequence[Decision]], salts: Salts, actor: str | None = None
) -> None:
    """Link rows to their chains one by one and insert them together."""
    if not by_chain:
        return
    asked = {f"chain_{number}": chain for number, chain in enumerate(by_chain)}
    ends = {chain: (seq, digest) for chain, seq, digest in connection.execute(_ends(len(by_chain)), asked)}
    rows: list[dict[str, object]] = []
    beside: list[dict[str, object]] = []
    for chain, decisions in by_chain.items():
        before, prev_hash = ends.get(chain, (0, GENESIS))
        for seq, decision in enumerate(decisions, start=before + 1):
            row = decision.row
            kept = {name: getattr(row, name) for name in _KEPT_BESIDE}
            sealed = seal_evidence({**decision.evidence, **kept}, salts(SALT_BYTES))
            link = seal(values_of(row, chain, seq, sealed, actor), prev_hash)
            rows.append(dict(link.values, field_digests=link.field_digests, prev_hash=prev_hash, hash=link.hash))
            key = {"check_in_id": row.id, "revision": row.revision}
            beside.append(key | {"salt": sealed.salt, "body": sealed.text})
            prev_hash = link.hash
    insert_all(connection, ledger_t, rows)
    insert_all(connection, evidence_t, beside)


def _partition(decision: Decision) -> int:
    return decision.row.partition


def _move(connection: Connection, topic: str, advance: Advance) -> None:
    if advance.expected is None:
        values = {"topic": topic, "source_partition": advance.partition, "next_offset": advance.next_offset}
        connection.execute(insert(positions_t), values)
        return
    move = {"of_topic": topic, "of_partition": advance.partition, "expected": advance.expected}
    moved = connection.execute(_MOVE, move | {"next_offset": advance.next_offset})
    if moved.rowcount != 1:
        raise PositionConflict(
            f"partition {advance.partition} of {topic} is not at {advance.expected}: another writer moved it; drop it"
        )
