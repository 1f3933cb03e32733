"""Three attempts for photos that kill their worker: in the batch, in a small group, then alone.

Pure. Every pool uses it, so that inline and Ray condemn the same photos: those that crashed a worker while they were
alone with it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt

from hadir.pipeline.ports import FaceJob, JobResult

__all__ = ["ATTEMPTS", "Attempt", "first_attempt", "split_after_crash"]

ATTEMPTS = 3
"""How often photos may kill their worker; the last attempt is alone."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """Jobs that go to one worker in one call; `number` counts from 1, and the third holds one job only."""

    jobs: tuple[FaceJob, ...]
    number: int

    @property
    def alone(self) -> bool:
        """Whether nothing else may be with that worker meanwhile."""
        return self.number >= ATTEMPTS


def first_attempt(jobs: Sequence[FaceJob]) -> Attempt:
    """A fresh batch."""
    return Attempt(tuple(jobs), 1)


def split_after_crash(crashed: Attempt) -> tuple[list[Attempt], list[JobResult]]:
    """What to try next, in order, and which jobs are spent.

    The second attempt goes in groups of about the square root of the batch, which keeps the number of further calls
    for one bad photo lowest (groups plus members of one group); the third goes one by one.
    """
    if crashed.number >= ATTEMPTS:
        return [], [JobResult(job.ticket, None, crashed.number) for job in crashed.jobs]
    following = crashed.number + 1
    size = 1 if following >= ATTEMPTS else max(1, isqrt(len(crashed.jobs)))
    groups = [crashed.jobs[at : at + size] for at in range(0, len(crashed.jobs), size)]
    return [Attempt(group, following) for group in groups], []
