"""Where in the log each decided row came from: what reconciling holds against the log itself."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import msgspec
from sqlalchemy import RowMapping, and_, bindparam, select

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_tables import evidence_t, ledger_t, outbox_t
from hadir.core.errors import LedgerTampered

__all__ = ["DecidedRow", "decided_rows", "rows_received", "waiting_headers"]


@dataclass(frozen=True, slots=True)
class DecidedRow:
    """One row of revision 0. `chain` names topic and partition. `content_sha256` is None after an erasure, and where
    it was not asked for."""

    id: str
    chain: str
    offset: int
    person: str
    received_at_ms: int
    content_sha256: str | None = None


class _Body(msgspec.Struct):
    """The one part of a side-table row that is needed here; the others are passed over unread."""

    content_sha256: str | None = None


_COLUMNS = (
    ledger_t.c.check_in_id,
    ledger_t.c.chain,
    ledger_t.c.source_offset,
    ledger_t.c.person,
    ledger_t.c.received_at_ms,
)
_BESIDE = and_(evidence_t.c.check_in_id == ledger_t.c.check_in_id, evidence_t.c.revision == ledger_t.c.revision)
_OF_IDS = (
    select(*_COLUMNS, evidence_t.c.body)
    .select_from(ledger_t.outerjoin(evidence_t, _BESIDE))
    .where(ledger_t.c.check_in_id.in_(bindparam("ids", expanding=True)), ledger_t.c.revision == 0)
)
_RECEIVED = select(*_COLUMNS).where(
    ledger_t.c.revision == 0,
    ledger_t.c.received_at_ms >= bindparam("since_ms"),
    ledger_t.c.received_at_ms < bindparam("until_ms"),
)
_WAITING = select(outbox_t.c.headers).where(
    outbox_t.c.published_at_ms.is_(None), outbox_t.c.topic == bindparam("of_topic")
)


def decided_rows(ledger: Ledger, ids: Collection[str]) -> dict[str, list[DecidedRow]]:
    """Every row of revision 0 that these ids have: one each in a ledger that is whole. One query.

    Raises:
        LedgerUnavailable: the database does not answer.
        LedgerTampered: a side-table row holds what Hadir never writes.
    """
    found: dict[str, list[DecidedRow]] = {}
    if not ids:
        return found
    with ledger.snapshot() as connection, connection.execute(_OF_IDS, {"ids": sorted(set(ids))}) as result:
        for stored in result.mappings():
            row = _row(stored, _content(stored))
            found.setdefault(row.id, []).append(row)
    return found


def rows_received(ledger: Ledger, since_ms: int, until_ms: int) -> Iterator[DecidedRow]:
    """Every row of revision 0 received in [since_ms, until_ms), in no particular order, without its content. The
    ledger's moment stays open until the iterator ends or is closed. Raises LedgerUnavailable."""
    asked = {"since_ms": since_ms, "until_ms": until_ms}
    with ledger.snapshot() as connection, connection.execute(_RECEIVED, asked) as result:
        for stored in result.mappings():
            yield _row(stored, None)


def waiting_headers(ledger: Ledger, topic: str) -> list[dict[str, str]]:
    """The headers, as text, of every message for this topic that is not published yet. Raises LedgerUnavailable."""
    with ledger.snapshot() as connection:
        stored = connection.execute(_WAITING, {"of_topic": topic}).scalars().all()
    pairs = (msgspec.json.decode(text, type=list[tuple[str, str]]) for text in stored)
    return [{name: bytes.fromhex(value).decode("utf-8", "replace") for name, value in one} for one in pairs]


def _row(stored: RowMapping, content_sha256: str | None) -> DecidedRow:
    return DecidedRow(
        stored["check_in_id"],
        stored["chain"],
        stored["source_offset"],
        stored["person"],
        stored["received_at_ms"],
        content_sha256,
    )


def _content(stored: RowMapping) -> str | None:
    if stored["body"] is None:
        return None
    try:
        return msgspec.json.decode(stored["body"], type=_Body).content_sha256
    except msgspec.MsgspecError as err:
        raise LedgerTampered(
            f"the evidence of check-in {stored['check_in_id']} is not what Hadir writes: run `hadir ledger verify`"
        ) from err
