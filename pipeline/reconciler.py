"""Reconciling a topic with a ledger: in what order to look, so that work under way is never called missing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_places import decided_rows, rows_received, waiting_headers
from hadir.pipeline.dead_letters import read_dead_letters
from hadir.pipeline.log_reads import LogReader, Stretch
from hadir.pipeline.reconcile import Fault, FaultKind, Reconciled, Reconciliation, UnitOf
from hadir.pipeline.topics import DEAD_LETTERS

__all__ = ["Reconciler"]

WITHOUT_ROW = frozenset({"undecodable", "id_conflict"})
"""Codes of dead letters that stand for a record without a row; `processing_failed` stands beside one."""

Told = Callable[[int], None]

_FOREVER_MS = 1 << 62


@dataclass(frozen=True, slots=True)
class Reconciler:
    """Reads log and ledger, writes neither. Every method blocks on both, in one thread at a time.

    The ledger's position is read before anything else: whatever lies below it was durable by then, in one transaction
    with its row or its dead letter. Letters are sought in the outbox first, then on their topic: on its way from one to
    the other a letter is in both, never in none.
    """

    reader: LogReader
    ledger: Ledger
    topic: str
    group: str
    unit_of: UnitOf

    def between(self, since_ms: int, until_ms: int, told: Told = lambda _: None) -> Reconciled:
        """Everything received in [since_ms, until_ms), UTC milliseconds. `told` hears of every handful of records how
        many it holds.

        Raises:
            LedgerUnavailable, StreamUnavailable: one of them does not answer. SetupError, StreamError: as the reader.
        """
        reached, held = self._reached(), self.reader.bounds(self.topic)
        first, end = self.reader.offsets_at(self.topic, since_ms), self.reader.offsets_at(self.topic, until_ms)
        stretches = [Stretch(p, max(one.first, first[p]), min(one.end, end[p])) for p, one in held.items()]
        return self._over(stretches, held, reached, [(since_ms, until_ms)], told)

    def onward(self, checked: Mapping[int, int], told: Told = lambda _: None) -> tuple[Reconciled, dict[int, int]]:
        """What must be decided by now and was not looked at before: from the offsets in `checked` on, from the oldest
        record where there is none, and where the log ends before (the topic was made anew). Returns with it how far
        that was. Raises as `between`."""
        reached, held = self._reached(), self.reader.bounds(self.topic)
        since = {p: at if (at := checked.get(p, 0)) <= one.end else 0 for p, one in held.items()}
        stretches = [
            Stretch(p, max(one.first, since[p]), min(one.end, reached[p])) for p, one in held.items() if p in reached
        ]
        new = [one for one in stretches if one.first < one.end]
        return self._over(new, held, reached, [], told), {**checked, **{one.partition: one.end for one in new}}

    def again(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        """Those of these faults, found earlier, that still stand. One whose record has left the log stands for ever:
        nobody can look any more. Raises as `between`."""
        found = [fault for fault in faults if fault.kind is not FaultKind.GONE_UNDECIDED]
        reached, held = self._reached(), self.reader.bounds(self.topic)
        there = {(f.partition, f.offset) for f in found if f.partition in held and f.offset >= held[f.partition].first}
        times_ms = [fault.received_at_ms for fault in found if fault.received_at_ms is not None]
        window = [(min(times_ms), max(times_ms) + 1)] if times_ms else []
        stretches = [Stretch(partition, offset, offset + 1) for partition, offset in sorted(there)]
        now = self._over(stretches, held, reached, window, lambda _: None).faults
        return (*(fault for fault in found if (fault.partition, fault.offset) not in there), *now)

    def _over(
        self,
        stretches: Sequence[Stretch],
        held: Mapping[int, Stretch],
        reached: Mapping[int, int],
        windows: list[tuple[int, int]],
        told: Told,
    ) -> Reconciled:
        """These stretches, then the rows of these times and of those of the records."""
        earliest_ms, latest_ms = _FOREVER_MS, 0
        letters = self._letters() if stretches else frozenset()
        found = Reconciliation(self.topic, stretches, held, reached, letters, self.unit_of)
        for records in self.reader.read(self.topic, stretches):
            found.take(records, lambda ids: decided_rows(self.ledger, ids))
            earliest_ms = min(earliest_ms, *(record.timestamp_ms for record in records))
            latest_ms = max(latest_ms, *(record.timestamp_ms for record in records))
            told(len(records))
        since_ms = min([earliest_ms, *(since for since, _ in windows)])
        until_ms = max([latest_ms + 1, *(until for _, until in windows)])
        if since_ms < until_ms:
            for row in rows_received(self.ledger, since_ms, until_ms):
                found.take_row(row)
        return found.result()

    def _reached(self) -> dict[int, int]:
        """How far everything must be decided. An offset is committed after its row is durable, so one that is ahead of
        the ledger's position has passed something over."""
        committed = self.reader.committed(self.topic, self.group)
        positions = self.ledger.positions(self.topic)
        return {p: max(positions.get(p, 0), committed.get(p, 0)) for p in positions.keys() | committed.keys()}

    def _letters(self) -> frozenset[tuple[int, int]]:
        """Places of records of this topic that were set aside without a row."""
        places = {
            _place(headers) for headers in waiting_headers(self.ledger, DEAD_LETTERS) if self._without_row(headers)
        }
        held = self.reader.bounds(DEAD_LETTERS)
        for records in self.reader.read(DEAD_LETTERS, list(held.values())):
            for letter in read_dead_letters(records):
                if letter.source_topic == self.topic and letter.code in WITHOUT_ROW:
                    places.add((letter.partition, letter.offset))
        return frozenset(places)

    def _without_row(self, headers: Mapping[str, str]) -> bool:
        return headers.get("source_topic") == self.topic and headers.get("code") in WITHOUT_ROW


def _place(headers: Mapping[str, str]) -> tuple[int, int]:
    return int(headers["partition"]), int(headers["offset"])
