"""The ledger for other programs: one plain JSON-able mapping per row, streamed."""

from __future__ import annotations

from collections.abc import Iterator

from hadir.attendance.evidence_seal import read_body
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_tables import ledger_t, row_of, select_rows
from hadir.core.errors import LedgerTampered

__all__ = ["case_photos", "export"]


def export(
    ledger: Ledger, since_ms: int | None = None, until_ms: int | None = None, *, evidence: bool = False
) -> Iterator[dict[str, object]]:
    """Rows received in [since_ms, until_ms), ordered by reception, then partition, offset and revision.

    Neither scores nor coordinates, nor another person, unless `evidence` asks for the side table's body (None after
    erasure). The whole export sees one moment of the ledger, which stays open until the iterator ends or is closed.

    Raises:
        LedgerUnavailable: the database does not answer.
        LedgerTampered: a row holds what Hadir never writes.
    """
    wanted = select_rows().order_by(
        ledger_t.c.received_at_ms, ledger_t.c.source_partition, ledger_t.c.source_offset, ledger_t.c.revision
    )
    if since_ms is not None:
        wanted = wanted.where(ledger_t.c.received_at_ms >= since_ms)
    if until_ms is not None:
        wanted = wanted.where(ledger_t.c.received_at_ms < until_ms)
    with ledger.snapshot() as connection, connection.execute(wanted) as result:
        for stored in result.mappings():
            row = row_of(stored)
            line: dict[str, object] = {
                "id": row.id,
                "revision": row.revision,
                "person": row.person,
                "direction": row.direction,
                "channel": row.channel,
                "outcome": row.outcome.value,
                "reasons": [reason.value for reason in row.reasons],
                "case": row.case,
                "minutes": row.minutes,
                "distance_m": row.distance_m,
                "field": row.field,
                "shift": row.shift,
                "captured_at_ms": row.captured_at_ms,
                "received_at_ms": row.received_at_ms,
                "decided_at_ms": row.decided_at_ms,
                "partition": row.partition,
                "offset": row.offset,
                "snapshot": row.snapshot,
                "embedding_space": row.embedding_space,
                "policy": row.policy,
                "actor": stored["actor"],
                "chain": stored["chain"],
                "seq": stored["seq"],
                "hash": stored["hash"],
            }
            if evidence:
                line["evidence"] = None if stored["body"] is None else _body(stored["body"], row.id)
            yield line


def case_photos(ledger: Ledger) -> frozenset[str]:
    """SHA-256, hex, of every photo that a case's evidence names. Raises as `export`."""
    cases = select_rows().where(ledger_t.c.is_case == 1)
    named: set[str] = set()
    with ledger.snapshot() as connection:
        for stored in connection.execute(cases).mappings():
            photos = _body(stored["body"], stored["check_in_id"]).get("photos") if stored["body"] is not None else None
            if isinstance(photos, list):
                named.update(str(photo["sha256"]) for photo in photos)
    return frozenset(named)


def _body(text: str, check_in_id: str) -> dict[str, object]:
    try:
        return read_body(text)
    except ValueError as err:
        raise LedgerTampered(f"the evidence of check-in {check_in_id} is not JSON: run `hadir ledger verify`") from err
