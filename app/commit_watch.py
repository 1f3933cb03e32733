"""Invariant 5, online: at every commit, nothing below the committed offset is undecided.

At rest a pipeline that commits too early looks like a right one, unless something died in the wrong moment. So the
watch stands between the loop and the log and asks the ledger at each commit. It found 53 violations in a run in which
no record was lost (a control that commits the highest completed offset; design study for this project, 8,000 records).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

from hadir.attendance.ledger_row import LedgerRow
from hadir.core.errors import LedgerUnavailable, Undecodable
from hadir.pipeline.codec import decode
from hadir.pipeline.membership import Membership
from hadir.pipeline.ports import Record, Source, Wake

__all__ = ["CommitWatch"]


class _Decided(Protocol):
    """What is asked of the ledger: `hadir.attendance.ledger.Ledger`, best another one than the loop writes with."""

    def positions(self, topic: str) -> dict[int, int]: ...

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]: ...


class CommitWatch:
    """A source around another. Every commit is checked, reported on, and passed on all the same.

    A commit that cannot be checked because the ledger does not answer waits: commits are best effort anyway, and the
    next call tries again.
    """

    def __init__(self, source: Source, ledger: _Decided, topic: str, report: Callable[[str], None]) -> None:
        """`report` gets one line for each record that was undecided when an offset beyond it was committed."""
        self._source, self._ledger, self._topic, self._report = source, ledger, topic, report
        self._handed_out: dict[int, dict[int, str | None]] = {}
        self._waiting: dict[int, int] = {}
        self.commits = 0
        """Commits of one partition that were checked."""

    def start(self, wake: Wake, positions: Callable[[Collection[int]], Mapping[int, int]]) -> None:
        self._source.start(wake, positions)

    def take(self, limit: int) -> list[Record]:
        self._pass_on()
        records = self._source.take(limit)
        for record in records:
            self._handed_out.setdefault(record.partition, {})[record.offset] = _id_of(record)
        return records

    def lost(self) -> frozenset[int]:
        lost = self._source.lost()
        for partition in lost:
            self._handed_out.pop(partition, None)
            self._waiting.pop(partition, None)
        return lost

    def membership(self) -> Membership:
        return self._source.membership()

    def seek(self, offsets: Mapping[int, int]) -> None:
        for partition, offset in offsets.items():
            held = self._handed_out.get(partition, {})
            self._handed_out[partition] = {at: one for at, one in held.items() if at < offset}
        self._source.seek(offsets)

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        self._waiting.update(next_offsets)
        self._pass_on()

    def pause(self) -> None:
        self._source.pause()

    def resume(self) -> None:
        self._source.resume()

    def close(self) -> None:
        self._pass_on()
        self._source.close()

    def _pass_on(self) -> None:
        if not self._waiting:
            return
        try:
            for line in self._undecided(self._waiting):
                self._report(line)
        except LedgerUnavailable:
            return
        self.commits += len(self._waiting)
        due, self._waiting = self._waiting, {}
        self._source.commit(due)

    def _undecided(self, next_offsets: Mapping[int, int]) -> list[str]:
        """The position must be there, and every record below it that has an id must have its row."""
        stands = self._ledger.positions(self._topic)
        found = [
            f"partition {p}: committed {offset}, the ledger stands at {stands.get(p, 0)}"
            for p, offset in next_offsets.items()
            if stands.get(p, 0) < offset
        ]
        below = [
            (partition, at, one)
            for partition, offset in next_offsets.items()
            for at, one in self._handed_out.get(partition, {}).items()
            if at < offset
        ]
        ids = {one for _, _, one in below if one is not None}
        missing = ids - self._ledger.known(ids).keys()
        for partition, at, one in below:
            del self._handed_out[partition][at]
            if one in missing:
                found.append(f"{one} at {partition}/{at} was undecided, {next_offsets[partition]} committed")
        return found


def _id_of(record: Record) -> str | None:
    """None: not decodable, which leaves a dead letter and no row."""
    try:
        return decode(record).id
    except Undecodable:
        return None
