"""Photos of the last days in the ledger's database: written with the verdict, found by digest, read by replicas."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Row, bindparam, delete, select, union_all

from hadir.attendance.ledger_batch import RememberedPhoto
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_inserts import insert_all
from hadir.attendance.ledger_tables import photo_marks_t
from hadir.attendance.photo_replay import Arrival, SentPhoto

__all__ = ["MOST_FORGOTTEN", "LedgerPhotos", "StoredPhoto", "forget_old_photos", "forget_photos_of", "remember_photos"]

MOST_FORGOTTEN = 5_000
"""Rows that one transaction deletes at most, the oldest first: some 20 ms."""

_LAST_SEQ = 2**63 - 1

# Built once: building a statement costs as much as running it.
_COLUMNS = photo_marks_t.c
_ALL = select(photo_marks_t).where(_COLUMNS.received_at_ms >= bindparam("since_ms")).order_by(_COLUMNS.seq)
# Three queries in one, each by an index: PostgreSQL answers one with `or` by reading the whole table (41 ms on average
# while 40,000 rows came, measured). Between two bounds, as of an open range it expects a third of a table of which it
# has no statistics, and reads all of it too. Not in order: SQLite would walk through the whole table by number.
_NEWS = union_all(
    select(photo_marks_t).where(_COLUMNS.seq.between(bindparam("first"), _LAST_SEQ)),
    select(photo_marks_t).where(_COLUMNS.seq.in_(bindparam("missing", expanding=True))),
    select(photo_marks_t).where(_COLUMNS.sha256.in_(bindparam("digests", expanding=True))),
)
_NAMED = select(photo_marks_t).where(_COLUMNS.seq.in_(bindparam("seqs", expanding=True)))
_OLDEST = select(_COLUMNS.seq).order_by(_COLUMNS.seq).limit(MOST_FORGOTTEN)
_FORGET_OLD = delete(photo_marks_t).where(_COLUMNS.seq.in_(_OLDEST), _COLUMNS.received_at_ms < bindparam("before_ms"))
_FORGET_OF = delete(photo_marks_t).where(_COLUMNS.check_in_id.in_(bindparam("ids", expanding=True)))


@dataclass(frozen=True, slots=True)
class StoredPhoto:
    """`seq` is its place among all; `replayed` says that it was found to be an earlier one when it was decided."""

    seq: int
    photo: SentPhoto
    replayed: bool


class LedgerPhotos:
    """What the ledger knows of photos. Safe to share between threads; blocks and raises as `Ledger` does."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, since_ms: int) -> Iterator[StoredPhoto]:
        """Those received since then, oldest first, at one moment."""
        with self._database.snapshot() as connection:
            yield from map(_stored, connection.execute(_ALL, {"since_ms": since_ms}))

    def news(self, after: int, missing: Collection[int], digests: Collection[bytes]) -> list[StoredPhoto]:
        """What came after `after`, those of `missing` that are there now, and all with one of these digests; by `seq`.
        One query, by three indexes."""
        asked = {"first": after + 1, "missing": [*missing], "digests": [*digests]}
        with self._database.reading() as connection:
            found = {row.seq: row for row in connection.execute(_NEWS, asked)}
        return [_stored(found[seq]) for seq in sorted(found)]

    def named(self, seqs: Collection[int]) -> list[StoredPhoto]:
        """Those of these that are still there."""
        with self._database.reading() as connection:
            return [_stored(row) for row in connection.execute(_NAMED, {"seqs": [*seqs]})]


def remember_photos(connection: Connection, photos: Collection[RememberedPhoto]) -> None:
    """Add these in the transaction of their verdicts."""
    insert_all(
        connection,
        photo_marks_t,
        [
            {
                "check_in_id": one.photo.check_in_id,
                "photo": one.photo.number,
                "person": one.photo.person,
                "received_at_ms": one.photo.arrival.received_at_ms,
                "source_partition": one.photo.arrival.partition,
                "source_offset": one.photo.arrival.offset,
                "sha256": one.photo.sha256,
                "mark": one.photo.mark,
                "replayed": int(one.replayed),
            }
            for one in photos
        ],
    )


def forget_old_photos(connection: Connection, before_ms: int) -> int:
    """Delete what was received before, MOST_FORGOTTEN at a time; returns how many."""
    return connection.execute(_FORGET_OLD, {"before_ms": before_ms}).rowcount


def forget_photos_of(connection: Connection, ids: Collection[str]) -> None:
    """Delete what is remembered of these check-ins."""
    connection.execute(_FORGET_OF, {"ids": [*ids]})


def _stored(row: Row[tuple[object, ...]]) -> StoredPhoto:
    arrival = Arrival(row.received_at_ms, row.source_partition, row.source_offset)
    photo = SentPhoto(row.check_in_id, row.photo, row.person, arrival, row.sha256, row.mark)
    return StoredPhoto(row.seq, photo, bool(row.replayed))
