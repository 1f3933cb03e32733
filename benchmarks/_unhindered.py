"""Neighbours of the loop that cost next to nothing: a pool that answers at once, a ledger that counts, plain rules."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from hadir.attendance.duty import Duty
from hadir.attendance.ledger_batch import LedgerBatch
from hadir.attendance.ledger_row import HistoryKey, LedgerRow
from hadir.core.check_in import Received
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Evidence,
    FaceFinding,
    History,
    ImpostorCount,
    PhotoFinding,
    Place,
    ShiftWindow,
)
from hadir.core.timings import BatchTimes, StageName
from hadir.pipeline.judge import Stamp
from hadir.pipeline.ports import Exchange, FaceJob, JobResult, PoolRoom, StageFactory, Wake
from hadir.pipeline.worked import OnWorked

__all__ = ["AtOncePool", "InMemory", "TakesAll"]

_IN_A_WORKER = (StageName.DECODE, StageName.DETECT, StageName.ALIGN, StageName.EMBED, StageName.SEARCH)
_THRESHOLD = AppliedThreshold(1e-3, "1/3", 0.9, "snapshot")
_SHIFT = ShiftWindow("u/2026-09-21/a", 0)


class AtOncePool:
    """Everybody is who they say; a batch has been done when it is submitted."""

    def __init__(self, stamp: Stamp, on_worked: OnWorked | None) -> None:
        """`on_worked` None: nobody wants to know what a batch took."""
        self._stamp, self._on_worked = stamp, on_worked
        self._results: list[JobResult] = []
        self._times: list[BatchTimes] = []

    def start(self, wake: Wake) -> None: ...

    def room(self) -> PoolRoom:
        return PoolRoom(idle=1, queueable=0)

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        self._results += [JobResult(job.ticket, self._finding(job), 1) for job in jobs]
        self._times.append(BatchTimes(len(jobs), 0.16, dict.fromkeys(_IN_A_WORKER, 0.03)))

    def take(self) -> list[JobResult]:
        results, self._results = self._results, []
        times, self._times = self._times, []
        if self._on_worked is not None:
            for one in times:
                self._on_worked(one)
        return results

    def exchange(self, stage_factory: StageFactory) -> None: ...

    def exchanged(self) -> Exchange:
        return Exchange()

    def close(self) -> None: ...

    def _finding(self, job: FaceJob) -> FaceFinding:
        photos = tuple(PhotoFinding(None) for _ in job.photos)
        others = (Candidate("somebody", 0.82, 3), Candidate("nobody", 0.8, 3))
        count = ImpostorCount(13_000, {"1e-3": 12, "1e-4": 1})
        claimed = Candidate(job.person, 0.95, 3)
        space, snapshot = self._stamp.embedding_space, self._stamp.snapshot
        return FaceFinding(photos, len(photos), None, True, claimed, others, None, space, snapshot, count)


class InMemory:
    """A ledger that knows nobody and counts rows."""

    def __init__(self) -> None:
        self.rows = 0

    def positions(self, topic: str) -> dict[int, int]:  # noqa: ARG002
        return {}

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]:  # noqa: ARG002
        return {}

    def history(self, keys: Collection[HistoryKey]) -> dict[HistoryKey, History]:  # noqa: ARG002
        return {}

    def write(self, batch: LedgerBatch) -> None:
        self.rows += len(batch.decisions)


class TakesAll:
    """Rules by which everybody is at their place and on time, and a store of photos that keeps none."""

    def duty(self, received: Received) -> Duty | None:
        check_in = received.check_in
        if check_in is None:
            return None
        return Duty("u", _SHIFT.key, _SHIFT, HistoryKey(check_in.person, check_in.direction.value, _SHIFT.key))

    def evidence(
        self,
        received: Received,
        duty: Duty | None,  # noqa: ARG002
        face: FaceFinding | None,
        failed_attempts: int,
        history: History,
    ) -> Evidence:
        return Evidence(
            received.received_at_ms,
            True,
            face,
            failed_attempts,
            accept=_THRESHOLD,
            review=_THRESHOLD,
            agree=_THRESHOLD,
            place=Place("office", 10.0, 100.0),
            shift=_SHIFT,
            shift_key=_SHIFT.key,
            history=history,
        )

    def keep(self, photos: Sequence[bytes]) -> tuple[str, ...]:  # noqa: ARG002
        return ()
