"""What a group member holds: between the client's thread, the polling thread and the loop. No vendor, no I/O."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Collection, Mapping, Sequence

from hadir.core.errors import StreamError
from hadir.pipeline.membership import Membership
from hadir.pipeline.ports import Record
from hadir.pipeline.watermarks import Watermark, Watermarks

__all__ = ["Assignment"]


class Assignment:
    """Partitions from being assigned to being lost, and the records that wait to be taken.

    A partition is *unplaced* until the polling thread has sought the offset from which it is to be read, and *placed*
    from then on. Only records of placed partitions are kept: the poll that completes an assignment may already return
    some from elsewhere. Every method may be called from any thread and returns at once.
    """

    def __init__(self, watermarks: Watermarks) -> None:
        self._lock = threading.Lock()
        self._arrived: deque[Record] = deque()
        self._mark = Watermark(watermarks)
        self._unplaced: set[int] = set()
        self._placed: set[int] = set()
        self._lost: set[int] = set()
        self._seeks: dict[int, int] = {}
        self._commits: dict[int, int] = {}
        self._unanswered: dict[int, int] = {}
        self._paused = False
        self._joined = False
        self._failure: StreamError | None = None

    # The client's thread

    def assigned(self, partitions: Collection[int]) -> None:
        """Partitions came."""
        with self._lock:
            self._unplaced.update(partitions)

    def revoked(self, partitions: Collection[int]) -> None:
        """Partitions went, and with them all that was meant for them."""
        with self._lock:
            self._unplaced.difference_update(partitions)
            self._placed.difference_update(partitions)
            for partition in partitions:
                self._seeks.pop(partition, None)
                self._commits.pop(partition, None)
                self._unanswered.pop(partition, None)
            self._forget(partitions)
            self._lost.update(partitions)

    # The polling thread

    def unplaced(self) -> list[int]:
        """Partitions that need an offset to be read from."""
        with self._lock:
            return sorted(self._unplaced)

    def placed(self) -> frozenset[int]:
        """Partitions that are read."""
        with self._lock:
            return frozenset(self._placed)

    def joined(self, joined: bool) -> None:
        """Whether the group counts this member in."""
        with self._lock:
            self._joined = joined

    def place(self, partition: int) -> bool:
        """The partition's offset has been sought; False where it was taken away meanwhile."""
        with self._lock:
            held = partition in self._unplaced
            if held:
                self._unplaced.discard(partition)
                self._placed.add(partition)
            return held

    def keep(self, records: Sequence[Record]) -> bool:
        """Records of one poll; whether any wait to be taken. What was fetched before a seek is not kept."""
        with self._lock:
            for record in records:
                if record.partition in self._placed and record.partition not in self._seeks:
                    self._arrived.append(record)
                    self._mark.add(len(record.value))
            return bool(self._arrived)

    def due_seeks(self) -> dict[int, int]:
        """Offsets to seek before the next poll."""
        with self._lock:
            due, self._seeks = self._seeks, {}
            return due

    def due_commits(self) -> dict[int, int]:
        """Offsets to commit, of partitions that are still held; `answered` must hear what became of them."""
        with self._lock:
            due, self._commits = self._commits, {}
            self._unanswered.update(due)
            return due

    def answered(self, offsets: Mapping[int, int], taken: bool) -> None:
        """The log's answer to a commit. What it did not take is due again, unless more has been said since."""
        with self._lock:
            for partition, offset in offsets.items():
                if self._unanswered.get(partition) == offset:
                    del self._unanswered[partition]
                    if not taken:
                        self._commits.setdefault(partition, offset)

    def last_commits(self) -> dict[int, int]:
        """Before leaving: whatever is due, or was sent and never answered."""
        with self._lock:
            last = self._unanswered | self._commits
            self._commits, self._unanswered = {}, {}
            return last

    def wants_pause(self) -> bool:
        """Whether to fetch nothing: the loop says so, or it takes more slowly than records arrive."""
        with self._lock:
            return self._mark.should_pause() or self._paused

    def fail(self, failure: StreamError) -> None:
        """Nothing more will come; `take` says why."""
        with self._lock:
            self._failure = failure

    # The loop, and whoever watches

    def membership(self) -> Membership:
        """As `Source.membership`."""
        with self._lock:
            return Membership(self._joined, frozenset(self._placed))

    def take(self, limit: int) -> list[Record]:
        """At most `limit` records, in the order of arrival. A partition that was lost and has come back waits until
        the loop has heard of the loss. Raises what `fail` was told."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            taken: list[Record] = []
            while self._arrived and len(taken) < limit and self._arrived[0].partition not in self._lost:
                taken.append(self._arrived.popleft())
                self._mark.remove(len(taken[-1].value))
            return taken

    def lost(self) -> frozenset[int]:
        """Partitions that went since the last call."""
        with self._lock:
            lost, self._lost = frozenset(self._lost), set()
            return lost

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Read these partitions again from these offsets."""
        with self._lock:
            self._seeks.update({p: offset for p, offset in offsets.items() if p in self._placed})
            self._forget(offsets.keys())

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Everything below is durable; of partitions that are not held any more, say nothing."""
        with self._lock:
            self._commits.update({p: offset for p, offset in next_offsets.items() if p in self._placed})

    def pause(self, paused: bool) -> None:
        """Whether the loop wants nothing more for now."""
        with self._lock:
            self._paused = paused

    def _forget(self, partitions: Collection[int]) -> None:
        for record in self._arrived:
            if record.partition in partitions:
                self._mark.remove(len(record.value))
        self._arrived = deque(record for record in self._arrived if record.partition not in partitions)
