"""The negative controls: two wrong ways to commit, as many a pipeline has them. A run must catch both.

In Hadir the ledger's position rules over the group's offsets, and a database refuses a position that jumps. Both guards
hide a wrong commit, so both are taken out for the mutants: positions are overwritten by whoever comes last, rows may
stand below them, and a partition begins where the group's offset says.

    auto-commit        what was handed out is committed at once, as `enable_auto_commit` does
    highest-completed  a record is decided as soon as its own finding is there, and the highest decided one is committed
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping
from unittest.mock import patch

from sqlalchemy import Connection, insert, select, update

from hadir.attendance.ledger_batch import Advance
from hadir.attendance.ledger_tables import positions_t
from hadir.pipeline.docket import Docket
from hadir.pipeline.judge import Taken
from hadir.pipeline.membership import Membership
from hadir.pipeline.offsets import Entry
from hadir.pipeline.ports import Record, Source, Wake

__all__ = ["MUTANTS", "mutate"]


class _Around:
    """A source around another, which changes nothing."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def start(self, wake: Wake, positions: Callable[[Collection[int]], Mapping[int, int]]) -> None:
        self._source.start(wake, positions)

    def take(self, limit: int) -> list[Record]:
        return self._source.take(limit)

    def lost(self) -> frozenset[int]:
        return self._source.lost()

    def membership(self) -> Membership:
        return self._source.membership()

    def seek(self, offsets: Mapping[int, int]) -> None:
        self._source.seek(offsets)

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self._source.commit(next_offsets)

    def pause(self) -> None:
        self._source.pause()

    def resume(self) -> None:
        self._source.resume()

    def close(self) -> None:
        self._source.close()


class AutoCommit(_Around):
    """Commits what it hands out."""

    def take(self, limit: int) -> list[Record]:
        records = super().take(limit)
        if records:
            super().commit({record.partition: record.offset + 1 for record in records})
        return records

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        pass


class Climbing(_Around):
    """Commits the highest offset that it was ever told."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._highest: dict[int, int] = {}

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self._highest.update({p: max(offset, self._highest.get(p, 0)) for p, offset in next_offsets.items()})
        super().commit({p: self._highest[p] for p in next_offsets})


class HighestCompleted(Docket):
    """Gives out whatever is resolved, and keeps what stands before it for later."""

    _given: frozenset[int] = frozenset()

    def ready(self, most: int) -> dict[int, list[Entry[Taken]]]:
        found: dict[int, list[Entry[Taken]]] = {}
        for partition, track in sorted(self._tracks.items()):
            resolved = [entry for entry in track._entries if entry.resolved]
            if resolved and (room := most - sum(map(len, found.values()))) > 0:
                found[partition] = resolved[:room]
        self._given = frozenset(id(entry) for entries in found.values() for entry in entries)
        return found

    def settle(self, next_offsets: Mapping[int, int]) -> None:
        for partition in next_offsets:
            track = self._tracks.get(partition)
            if track is not None:
                self._leave([entry.item for entry in track._entries if id(entry) in self._given])
                track._entries = deque(entry for entry in track._entries if id(entry) not in self._given)


def _auto_commit(source: Source) -> Source:
    return AutoCommit(source)


def _highest_completed(source: Source) -> Source:
    patch("hadir.pipeline.run.Docket", HighestCompleted).start()
    return Climbing(source)


MUTANTS: Mapping[str, Callable[[Source], Source]] = {
    "auto-commit": _auto_commit,
    "highest-completed": _highest_completed,
}


def mutate(name: str, source: Source) -> Source:
    """Take the guards out of this process, and give the source that commits wrongly."""
    patch("hadir.attendance.ledger_append._move", _overwrite).start()
    patch("hadir.attendance.ledger.check_batch", lambda _: None).start()
    patch("hadir.pipeline.writer.LedgerWriter.stored", lambda *_: {}).start()
    return MUTANTS[name](source)


def _overwrite(connection: Connection, topic: str, advance: Advance) -> None:
    """Whoever comes last says where the partition stands, but nobody moves it back."""
    place = {"topic": topic, "source_partition": advance.partition}
    here = (positions_t.c.topic == topic, positions_t.c.source_partition == advance.partition)
    before = connection.scalar(select(positions_t.c.next_offset).where(*here))
    if before is None:
        connection.execute(insert(positions_t).values(**place, next_offset=advance.next_offset))
    elif advance.next_offset > before:
        connection.execute(update(positions_t).where(*here).values(next_offset=advance.next_offset))
