"""Received against decided: what the log holds, record by record, against what the ledger says of it. Pure.

Lag cannot see a record that was passed over: the offset is committed, nothing is behind, and nobody was decided. Here
every record has to show its own row, its dead letter or the row that it repeats; and every row its record.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum

from hadir.attendance.ledger_append import chain_of
from hadir.attendance.ledger_places import DecidedRow
from hadir.core.check_in import Received
from hadir.core.errors import Undecodable
from hadir.pipeline.codec import decode, readable_id
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.ports import Record

__all__ = ["MOST_NAMED", "Fault", "FaultKind", "HourCounts", "Reconciled", "Reconciliation", "RowsOf", "UnitOf"]

MOST_NAMED = 1_000
"""So many faults are named; beyond them they are only counted."""

HOUR_MS = 3_600_000

UnitOf = Callable[[str | None, int], str]
"""The unit of a person (None: not readable) at a UTC time in milliseconds; `-` where there is none."""

RowsOf = Callable[[Collection[str]], Mapping[str, Sequence[DecidedRow]]]
"""Every row of revision 0 of these ids."""


class FaultKind(StrEnum):
    """What must never be. Each has its sentence in `docs/delivery.md`."""

    MISSING = "missing"
    """A record below the ledger's position has no row, repeats none and was not set aside."""
    DOUBLED = "doubled"
    """A check-in has more than one row of revision 0."""
    PASSED_OVER = "passed_over"
    """A record has no row, but a later record of the same check-in has: somebody may count as later than they were."""
    DIFFERS = "differs"
    """A row is not its record's: other content, another time of reception or another person."""
    UNFOUNDED = "unfounded"
    """A row names a place in the log where no such check-in is."""
    GONE_UNDECIDED = "gone_undecided"
    """The log has dropped records that the ledger's position has not reached."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One of them. `id` is None where none can be read; `what` says more in a few words, never personal data."""

    kind: FaultKind
    id: str | None
    partition: int
    offset: int
    received_at_ms: int | None
    what: str = ""


@dataclass(slots=True)
class HourCounts:
    """One hour of one unit. `records` are all that the log holds: the sum of `decided`, `duplicates` (the same check-in
    again), `dead_letters` (set aside without a row), `missing`, `passed_over` and `undecided` (not reached yet).
    `gone` are rows whose record the log has dropped since, as it should after its retention."""

    records: int = 0
    decided: int = 0
    duplicates: int = 0
    dead_letters: int = 0
    missing: int = 0
    passed_over: int = 0
    undecided: int = 0
    gone: int = 0

    @property
    def received(self) -> int:
        """Check-ins: every record but repetitions and what was set aside."""
        return self.decided + self.missing + self.undecided

    def add(self, other: HourCounts) -> None:
        """Sum up."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(other, one.name))


@dataclass(frozen=True, slots=True)
class Reconciled:
    """`hours` by (UTC milliseconds of the hour's beginning, unit). `faults` are the first MOST_NAMED; `fault_counts`
    count all. `oldest_undecided_ms` is when the oldest record that is not reached yet was received."""

    hours: Mapping[tuple[int, str], HourCounts]
    faults: tuple[Fault, ...]
    fault_counts: Mapping[FaultKind, int]
    oldest_undecided_ms: int | None

    @property
    def total(self) -> HourCounts:
        """All hours and units."""
        total = HourCounts()
        for counts in self.hours.values():
            total.add(counts)
        return total

    @property
    def holds(self) -> bool:
        """Whether received and decided agree."""
        return not any(self.fault_counts.values())


@dataclass(slots=True)
class Reconciliation:
    """Takes records of `stretches` and rows, in any order of partitions but each record once, and keeps counts, one
    byte per record and the faults.

    `reached` says per partition how far everything must be decided: the larger of the ledger's position, read *before*
    any record, and the offset that the group has committed. `letters` are the places of records that were set aside
    without a row, on their topic or on the way to it. `held` is what the log holds.
    """

    topic: str
    stretches: Sequence[Stretch]
    held: Mapping[int, Stretch]
    reached: Mapping[int, int]
    letters: Collection[tuple[int, int]]
    unit_of: UnitOf
    _hours: dict[tuple[int, str], HourCounts] = field(default_factory=dict)
    _faults: list[Fault] = field(default_factory=list)
    _fault_counts: dict[FaultKind, int] = field(default_factory=lambda: dict.fromkeys(FaultKind, 0))
    _matched: list[bytearray] = field(default_factory=list)
    _missing: set[str] = field(default_factory=set)
    _doubled: set[str] = field(default_factory=set)
    _oldest_undecided_ms: int | None = None

    def __post_init__(self) -> None:
        self._matched = [bytearray(max(0, one.end - one.first)) for one in self.stretches]
        for partition, held in self.held.items():
            if (reached := self.reached.get(partition)) is not None and reached < held.first:
                what = f"offsets {reached} to {held.first - 1}"
                self._note(Fault(FaultKind.GONE_UNDECIDED, None, partition, reached, None, what))

    def take(self, records: Sequence[Record], rows_of: RowsOf) -> None:
        """Records, and how to ask for the rows of their ids: once, after the position was read."""
        claims = [_read(record) for record in records]
        rows = rows_of({claim.id for claim in claims if claim is not None})
        for record, claim in zip(records, claims, strict=True):
            self._take(record, claim, rows)

    def take_row(self, row: DecidedRow) -> None:
        """A row received in the time that is looked at, after every record of it was taken."""
        topic, _, number = row.chain.rpartition("/")
        if topic != self.topic or not number.isdigit() or int(number) not in self.held:
            return
        partition = int(number)
        held = self.held[partition]
        if row.offset < held.first:
            self._at(row.received_at_ms, row.person).gone += 1
            return
        if row.offset >= self.reached.get(partition, 0):
            return  # decided since the position was read
        if row.offset >= held.end:
            what = f"the log ends at {held.end}"
            self._note(Fault(FaultKind.UNFOUNDED, row.id, partition, row.offset, row.received_at_ms, what))
        elif self._unmatched(partition, row.offset):
            self._note(Fault(FaultKind.UNFOUNDED, row.id, partition, row.offset, row.received_at_ms))

    def result(self) -> Reconciled:
        """What was found so far."""
        return Reconciled(self._hours, tuple(self._faults), self._fault_counts, self._oldest_undecided_ms)

    def _take(self, record: Record, received: Received | None, rows: Mapping[str, Sequence[DecidedRow]]) -> None:
        counts = self._at(record.timestamp_ms, None if received is None else received.person)
        counts.records += 1
        of_id = () if received is None else rows.get(received.id, ())
        if received is not None and len(of_id) > 1 and received.id not in self._doubled:
            self._doubled.add(received.id)
            self._note(_fault(FaultKind.DOUBLED, record, received.id, f"{len(of_id)} rows"))
        chain = chain_of(self.topic, record.partition)
        own = next((row for row in of_id if (row.chain, row.offset) == (chain, record.offset)), None)
        if own is not None and received is not None:
            counts.decided += 1
            self._match(record)
            if differing := _differing(own, received, record):
                self._note(_fault(FaultKind.DIFFERS, record, received.id, differing))
        elif (record.partition, record.offset) in self.letters:
            counts.dead_letters += 1
        elif received is not None and any(_answers(row, received, chain) for row in of_id):
            counts.duplicates += 1
        elif record.offset >= self.reached.get(record.partition, 0):
            self._wait(counts, record)
        elif received is not None and any(row.chain == chain and row.offset > record.offset for row in of_id):
            counts.passed_over += 1
            self._note(_fault(FaultKind.PASSED_OVER, record, received.id, f"decided from offset {of_id[0].offset}"))
        elif received is not None and received.id in self._missing:
            counts.duplicates += 1
        else:
            self._miss(counts, record, received, bool(of_id))

    def _wait(self, counts: HourCounts, record: Record) -> None:
        counts.undecided += 1
        oldest = self._oldest_undecided_ms
        self._oldest_undecided_ms = record.timestamp_ms if oldest is None else min(oldest, record.timestamp_ms)

    def _miss(self, counts: HourCounts, record: Record, received: Received | None, conflict: bool) -> None:
        counts.missing += 1
        if received is None:
            what = "not decodable, and not among the dead letters"
            self._note(_fault(FaultKind.MISSING, record, readable_id(record.value), what))
            return
        if len(self._missing) < MOST_NAMED:
            self._missing.add(received.id)
        what = "other content than its row, and not among the dead letters" if conflict else ""
        self._note(_fault(FaultKind.MISSING, record, received.id, what))

    def _note(self, fault: Fault) -> None:
        self._fault_counts[fault.kind] += 1
        if len(self._faults) < MOST_NAMED:
            self._faults.append(fault)

    def _at(self, at_ms: int, person: str | None) -> HourCounts:
        return self._hours.setdefault((at_ms - at_ms % HOUR_MS, self.unit_of(person, at_ms)), HourCounts())

    def _match(self, record: Record) -> None:
        for one, matched in zip(self.stretches, self._matched, strict=True):
            if one.partition == record.partition and one.first <= record.offset < one.end:
                matched[record.offset - one.first] = 1

    def _unmatched(self, partition: int, offset: int) -> bool:
        return any(
            one.partition == partition and one.first <= offset < one.end and not matched[offset - one.first]
            for one, matched in zip(self.stretches, self._matched, strict=True)
        )


def _read(record: Record) -> Received | None:
    try:
        return decode(record)
    except Undecodable:
        return None


def _answers(row: DecidedRow, received: Received, chain: str) -> bool:
    """Whether this record repeats that row: the same content, or any after an erasure, and not before it."""
    same = row.content_sha256 in {None, received.content_sha256}
    return same and not (row.chain == chain and row.offset > received.position.offset)


def _differing(row: DecidedRow, received: Received, record: Record) -> str:
    pairs = (
        ("content", row.content_sha256 in {None, received.content_sha256}),
        ("time of reception", row.received_at_ms == record.timestamp_ms),
        ("person", row.person == received.person),
    )
    return ", ".join(name for name, same in pairs if not same)


def _fault(kind: FaultKind, record: Record, identity: str | None, what: str) -> Fault:
    return Fault(kind, identity, record.partition, record.offset, record.timestamp_ms, what)
