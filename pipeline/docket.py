"""What was taken from the log and is not in the ledger yet: per partition in order, and who is with the workers.

Pure: no I/O, no clock, no threads.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count

from hadir.core.check_in import Channel
from hadir.core.errors import Undecodable
from hadir.pipeline.batching import Batcher, BatchLimit
from hadir.pipeline.codec import decode, readable_id
from hadir.pipeline.judge import Taken
from hadir.pipeline.observer import InHand
from hadir.pipeline.offsets import Entry, Track
from hadir.pipeline.ports import FaceJob, JobResult, PoolRoom, Record
from hadir.pipeline.watermarks import Watermark, Watermarks

__all__ = ["Docket"]


class Docket:
    """Records from being taken to being durable. Tickets are never used twice, so a result that comes back after its
    partition was lost is recognised and dropped."""

    def __init__(self, watermarks: Watermarks, batch: BatchLimit) -> None:
        self._batcher = Batcher(batch)
        self._tracks: dict[int, Track[Taken]] = {}
        self._with_workers: dict[int, Entry[Taken]] = {}
        self._tickets = count()
        self._mark = Watermark(watermarks)

    def __len__(self) -> int:
        """Records in hand."""
        return self._mark.records

    @property
    def partitions(self) -> frozenset[int]:
        """Partitions that have records in hand."""
        return frozenset(partition for partition, track in self._tracks.items() if len(track))

    def take(self, records: Sequence[Record]) -> None:
        """Enter records. Raises ValueError where a source hands out a partition out of order."""
        for record in records:
            self._take(record, _read(record))

    def next_batch(self, room: PoolRoom) -> list[FaceJob]:
        """What the workers should get now; empty: nothing."""
        return self._batcher.next_batch(room)

    def resolve(self, result: JobResult) -> None:
        """A worker's answer. One that nobody waits for any more is dropped."""
        entry = self._with_workers.pop(result.ticket, None)
        if entry is not None:
            entry.item.finding, entry.item.attempts = result.finding, result.attempts
            entry.item.ticket = None
            entry.resolved = True

    def ready(self, most: int) -> dict[int, list[Entry[Taken]]]:
        """Per partition the contiguous resolved prefix, `most` records in all."""
        found: dict[int, list[Entry[Taken]]] = {}
        for partition, track in sorted(self._tracks.items()):
            prefix = track.prefix(most - sum(map(len, found.values())))
            if prefix:
                found[partition] = prefix
        return found

    def first_offset(self, partition: int) -> int | None:
        """The oldest record in hand of a partition."""
        track = self._tracks.get(partition)
        first = track.first() if track is not None else None
        return first.record.offset if first is not None else None

    def settle(self, next_offsets: Mapping[int, int]) -> None:
        """Everything below these offsets is durable."""
        for partition, offset in next_offsets.items():
            self._leave(self._tracks.setdefault(partition, Track()).drop_below(offset))

    def forget(self, partitions: Collection[int]) -> None:
        """These partitions are not ours any more."""
        for partition in partitions:
            track = self._tracks.pop(partition, None)
            self._leave(track.items() if track is not None else [])

    def should_pause(self) -> bool:
        """Whether as much is in hand as may be."""
        return self._mark.should_pause()

    def room(self) -> int:
        """How many records may be taken now."""
        return self._mark.room()

    def in_hand(self) -> InHand:
        """For those who watch."""
        firsts = [taken.record.timestamp_ms for track in self._tracks.values() if (taken := track.first()) is not None]
        return InHand(self._mark.records, len(self._with_workers), min(firsts, default=None))

    def snapshots(self) -> frozenset[str]:
        """Those that the findings in hand were made with."""
        taken = (one for track in self._tracks.values() for one in track.items())
        return frozenset(one.finding.snapshot for one in taken if one.finding is not None)

    def _take(self, record: Record, taken: Taken) -> None:
        entry = self._tracks.setdefault(record.partition, Track()).add(record.offset, taken)
        self._mark.add(len(record.value))
        claim = taken.received.check_in if taken.received is not None else None
        if claim is None or claim.channel is not Channel.FACE:
            entry.resolved = True
            return
        ticket = taken.ticket = next(self._tickets)
        self._with_workers[ticket] = entry
        self._batcher.put(FaceJob(ticket, claim.person, claim.photos))

    def _leave(self, dropped: Collection[Taken]) -> None:
        for taken in dropped:
            self._mark.remove(len(taken.record.value))
        tickets = {taken.ticket for taken in dropped if taken.ticket is not None}
        if tickets:
            self._batcher.forget(tickets)
            for ticket in tickets:
                del self._with_workers[ticket]


def _read(record: Record) -> Taken:
    try:
        received = decode(record)
    except Undecodable:
        return Taken(record, None, readable_id(record.value))
    return Taken(record, received, received.id)
