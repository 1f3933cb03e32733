"""Natural batching: no timers. Pure; the pool says what it has room for."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass

from hadir.pipeline.ports import FaceJob, PoolRoom

__all__ = ["BatchLimit", "Batcher"]


@dataclass(frozen=True, slots=True)
class BatchLimit:
    """How much one batch may hold, whichever comes first. Measured best for draining: 32 (path-speed.md)."""

    photos: int = 32
    size_bytes: int = 8 * 1_048_576


class Batcher:
    """Jobs in the order of arrival. A check-in's photos stay together; one that is over the limit alone goes alone."""

    def __init__(self, limit: BatchLimit = BatchLimit()) -> None:
        self._limit = limit
        self._jobs: deque[FaceJob] = deque()
        self._photos = 0
        self._bytes = 0

    def __len__(self) -> int:
        """Jobs that wait."""
        return len(self._jobs)

    def put(self, job: FaceJob) -> None:
        """Add one job behind the others."""
        self._jobs.append(job)
        self._count(job, 1)

    def next_batch(self, room: PoolRoom) -> list[FaceJob]:
        """What to submit now; empty: wait for more, or for room.

        An idle worker gets what there is. A worker that runs gets a second batch only when it is full.
        """
        if self._jobs and (room.idle > 0 or (room.queueable > 0 and self._full())):
            return self._cut()
        return []

    def forget(self, tickets: Collection[int]) -> None:
        """Drop the jobs with these tickets."""
        kept = deque(job for job in self._jobs if job.ticket not in tickets)
        self._jobs, self._photos, self._bytes = kept, 0, 0
        for job in kept:
            self._count(job, 1)

    def _full(self) -> bool:
        return self._photos >= self._limit.photos or self._bytes >= self._limit.size_bytes

    def _cut(self) -> list[FaceJob]:
        batch: list[FaceJob] = []
        photos = size = 0
        while self._jobs:
            job = self._jobs[0]
            photos += len(job.photos)
            size += _size(job)
            if batch and (photos > self._limit.photos or size > self._limit.size_bytes):
                break
            batch.append(self._jobs.popleft())
            self._count(job, -1)
        return batch

    def _count(self, job: FaceJob, sign: int) -> None:
        self._photos += sign * len(job.photos)
        self._bytes += sign * _size(job)


def _size(job: FaceJob) -> int:
    return sum(map(len, job.photos))
