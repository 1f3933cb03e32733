"""The ledger: append-only rows of every verdict, in one transaction with the position of the stream they came from."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Select, and_, bindparam, func, select, update
from sqlalchemy.exc import IntegrityError

from hadir.attendance.evidence_seal import read_body
from hadir.attendance.ledger_append import append_batch, append_human_row, check_batch
from hadir.attendance.ledger_batch import Decision, LedgerBatch, OutboxRow
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_heads import Head
from hadir.attendance.ledger_history import histories
from hadir.attendance.ledger_photos import LedgerPhotos, forget_photos_of
from hadir.attendance.ledger_row import HistoryKey, LedgerRow
from hadir.attendance.ledger_tables import (
    evidence_t,
    ledger_t,
    message_of,
    outbox_t,
    positions_t,
    row_of,
    select_history,
    select_rows,
)
from hadir.attendance.migrate import migrate as migrate_schema
from hadir.attendance.migrate import require_current
from hadir.core.errors import InputError, LedgerConflict, LedgerTampered, PositionConflict
from hadir.core.evidence import History
from hadir.core.verdict import Outcome, Reason

__all__ = ["Counts", "Ledger"]

# Built once: building a statement costs as much as running it.
_KNOWN = select_rows().where(ledger_t.c.check_in_id.in_(bindparam("ids", expanding=True)), ledger_t.c.revision == 0)
_HISTORY = select_history()
_UNPUBLISHED = (
    select(outbox_t).where(outbox_t.c.published_at_ms.is_(None)).order_by(outbox_t.c.seq).limit(bindparam("most"))
)
_PUBLISHED = (
    update(outbox_t)
    .where(outbox_t.c.seq.in_(bindparam("seqs", expanding=True)), outbox_t.c.published_at_ms.is_(None))
    .values(published_at_ms=bindparam("at_ms"), message_key=None, message_value=None, headers=None)
)


@dataclass(frozen=True, slots=True)
class Counts:
    """`rows` are those of revision 0, the sum of `outcomes`; `cases` wait or waited for a human; `human` rows are
    later revisions; `erased` side-table rows are empty."""

    rows: int
    outcomes: Mapping[Outcome, int]
    cases: int
    human: int
    erased: int


class Ledger:
    """Verdicts, evidence, outbox and source positions in SQLite or PostgreSQL.

    Thread safety: every method may be called from any thread; each is one transaction of its own. Intended are the
    loop's thread (positions, known, history, write) and the relay's (unpublished, mark_published, outbox_depth).
    Blocking: a writer waits for another writer at most five seconds, PostgreSQL statements end after sixty,
    and a server that says nothing at all is given up after 65.
    Raises, every method: LedgerUnavailable where the database does not answer, is locked, full or read-only (nothing
    was written: try again in place); LedgerError where it refuses for another reason.
    """

    def __init__(self, database: Database, salts: Callable[[int], bytes] = os.urandom) -> None:
        """`salts(n)` gives n fresh unpredictable bytes. Use `open` outside of tests."""
        self._database = database
        self._salts = salts

    @classmethod
    def open(cls, url: str, migrate: bool = True) -> Ledger:
        """Open `sqlite:///PATH` (made with mode 0600 where absent) or `postgresql+psycopg://…`.

        Raises:
            ConfigError: the address is of no use, or the schema is newer than this Hadir (without `migrate`: or older).
            InputError: without `migrate`: there is no ledger yet.
            LedgerUnavailable: the database does not answer.
        """
        database = Database(url, create=migrate)
        try:
            if migrate:
                migrate_schema(database)
            else:
                require_current(database)
        except BaseException:
            database.close()
            raise
        return cls(database)

    def close(self) -> None:
        """Give back every connection. Idempotent."""
        self._database.close()

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """One moment of the whole ledger for streaming readers (verification, export) in the `ledger_*` files."""
        with self._database.snapshot() as connection:
            yield connection

    @property
    def photos(self) -> LedgerPhotos:
        """What is remembered of photos that were sent."""
        return LedgerPhotos(self._database)

    # What the loop needs before it decides

    def positions(self, topic: str) -> dict[int, int]:
        """The next offset to decide per partition; partitions without a position are absent."""
        wanted = select(positions_t.c.source_partition, positions_t.c.next_offset).where(positions_t.c.topic == topic)
        with self._database.reading() as connection:
            return {row.source_partition: row.next_offset for row in connection.execute(wanted)}

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]:
        """Those of these check-ins that have a row of revision 0, by id. One query."""
        if not ids:
            return {}
        with self._database.reading() as connection:
            stored = connection.execute(_KNOWN, {"ids": sorted(set(ids))}).mappings()
            return {row["check_in_id"]: row_of(row) for row in stored}

    def history(self, keys: Collection[HistoryKey]) -> dict[HistoryKey, History]:
        """What earlier rows of revision 0 say, for every key given; `History()` where there are none. One query.

        Rows count in the order (received_at, partition, offset).
        """
        if not keys:
            return {}
        asked = {
            "people": [*{key.person for key in keys}],
            "shifts": [*{key.shift for key in keys}],
            "directions": [*{key.direction for key in keys}],
        }
        with self._database.reading() as connection:
            return histories(keys, connection.execute(_HISTORY, asked))

    # The one transaction

    def write(self, batch: LedgerBatch) -> None:
        """Write verdicts, evidence, outbox, security events and positions: durable when this returns, or not at all.

        Raises:
            PositionConflict: a position is not the expected one, or another writer extended a chain.
            LedgerConflict: an id of the batch has a row of revision 0 already: read again, decide anew.
            ValueError: the batch breaks its own rules (see LedgerBatch).
        """
        check_batch(batch)
        try:
            with self._database.writing() as connection:
                append_batch(connection, batch, self._salts)
        except IntegrityError as err:
            taken = self.known([decision.row.id for decision in batch.decisions])
            if taken:
                raise LedgerConflict(f"{len(taken)} check-ins of the batch are decided already: {min(taken)}") from err
            raise PositionConflict(f"another writer is at work on {batch.topic}: nothing was written") from err

    def append_human(
        self,
        check_in_id: str,
        after_revision: int,
        *,
        outcome: Outcome,
        reasons: tuple[Reason, ...],
        actor: str,
        note: str,
        at_ms: int,
    ) -> LedgerRow:
        """Append a human's decision as revision `after_revision` + 1 on the chain `human`, and return its row.

        `actor` is the account that signs and stays in the chain; `note` goes to the side table and can be erased.

        Raises:
            InputError: there is no such check-in.
            LedgerConflict: `after_revision` is not the latest: somebody else decided meanwhile; read theirs first.
        """
        try:
            with self._database.writing() as connection:
                latest = connection.execute(_revisions_of(check_in_id).order_by(ledger_t.c.revision.desc())).mappings()
                stored = latest.first()
                if stored is None:
                    raise InputError(f"there is no check-in {check_in_id} in the ledger: look its id up again")
                row = row_of(stored)
                if row.revision != after_revision:
                    raise LedgerConflict(
                        f"check-in {check_in_id} is at revision {row.revision}, not {after_revision}: read that first"
                    )
                decided = replace(
                    row, revision=row.revision + 1, outcome=outcome, reasons=reasons, case=False, decided_at_ms=at_ms
                )
                append_human_row(connection, Decision(decided, {"note": note}), actor, self._salts)
        except IntegrityError as err:
            raise LedgerConflict(f"check-in {check_in_id} was decided by another human meanwhile: read that") from err
        return decided

    # The outbox

    def unpublished(self, limit: int) -> list[OutboxRow]:
        """At most `limit` messages that are not published yet, oldest first."""
        with self._database.reading() as connection:
            stored = connection.execute(_UNPUBLISHED, {"most": limit}).mappings()
            return [OutboxRow(row["seq"], message_of(row)) for row in stored]

    def mark_published(self, seqs: Sequence[int], at_ms: int) -> None:
        """Note that these are on their topic: their bodies are forgotten, their digests stay. Twice is once."""
        with self._database.writing() as connection:
            connection.execute(_PUBLISHED, {"seqs": list(seqs), "at_ms": at_ms})

    def outbox_depth(self) -> int:
        """How many messages wait to be published."""
        waiting = select(func.count()).select_from(outbox_t).where(outbox_t.c.published_at_ms.is_(None))
        with self._database.reading() as connection:
            return connection.scalar(waiting) or 0

    # For people and reports

    def row(self, check_in_id: str, revision: int = 0) -> LedgerRow | None:
        """One row; None where there is none."""
        return next((row for row in self.revisions(check_in_id) if row.revision == revision), None)

    def revisions(self, check_in_id: str) -> list[LedgerRow]:
        """Every row of one check-in, the machine's first."""
        with self._database.reading() as connection:
            stored = connection.execute(_revisions_of(check_in_id).order_by(ledger_t.c.revision)).mappings()
            return [row_of(row) for row in stored]

    def evidence(self, check_in_id: str, revision: int = 0) -> dict[str, object] | None:
        """The side-table body of one row; None after erasure or where there is no such row.

        Raises:
            LedgerTampered: the body is not JSON any more.
        """
        with self._database.reading() as connection:
            stored = connection.execute(_revisions_of(check_in_id).where(ledger_t.c.revision == revision)).mappings()
            row = stored.first()
        if row is None or row["body"] is None:
            return None
        try:
            return read_body(row["body"])
        except ValueError as err:
            raise LedgerTampered(f"the evidence of row {row['seq']} of chain {row['chain']} is not JSON") from err

    def counts(self) -> Counts:
        """Rows by outcome, cases, human revisions and erasures, at one moment."""
        with self.snapshot() as connection:
            grouped = connection.execute(
                select(ledger_t.c.outcome, func.count(), func.sum(ledger_t.c.is_case))
                .where(ledger_t.c.revision == 0)
                .group_by(ledger_t.c.outcome)
            ).all()
            human = connection.scalar(select(func.count()).where(ledger_t.c.revision > 0)) or 0
            erased = connection.scalar(select(func.count()).where(evidence_t.c.erased_at_ms.is_not(None))) or 0
        if strange := [outcome for outcome, *_ in grouped if outcome not in set(Outcome)]:
            raise LedgerTampered(f"{len(strange)} outcomes are none that Hadir writes: run `hadir ledger verify`")
        outcomes = dict.fromkeys(Outcome, 0) | {Outcome(outcome): count for outcome, count, _cases in grouped}
        return Counts(sum(outcomes.values()), outcomes, sum(cases for *_, cases in grouped), human, erased)

    def heads(self) -> list[Head]:
        """The last row of every chain, by name."""
        last = select(ledger_t.c.chain, func.max(ledger_t.c.seq).label("seq")).group_by(ledger_t.c.chain).subquery()
        at_end = and_(ledger_t.c.chain == last.c.chain, ledger_t.c.seq == last.c.seq)
        wanted = select(ledger_t.c.chain, ledger_t.c.seq, ledger_t.c.hash).join(last, at_end).order_by(ledger_t.c.chain)
        with self._database.reading() as connection:
            return [Head(chain, seq, digest) for chain, seq, digest in connection.execute(wanted)]

    def erase_evidence(self, ids: Collection[str], at_ms: int) -> int:
        """Empty the side-table rows of these check-ins, all revisions, and return how many were emptied now. What is
        remembered of their photos is deleted.

        The chain stays whole: it holds salted digests alone. Messages that still wait in the outbox are not touched.
        SQLite overwrites the bytes; on PostgreSQL they lie in dead rows until its next vacuum, and in backups.
        """
        emptied = (
            update(evidence_t)
            .where(evidence_t.c.check_in_id.in_(sorted(set(ids))), evidence_t.c.erased_at_ms.is_(None))
            .values(salt=None, body=None, erased_at_ms=at_ms)
        )
        with self._database.writing() as connection:
            count = connection.execute(emptied).rowcount
            forget_photos_of(connection, ids)
        self._database.forget_log()
        return count


def _revisions_of(check_in_id: str) -> Select[Any]:
    return select_rows().where(ledger_t.c.check_in_id == check_in_id)
