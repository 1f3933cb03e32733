"""The pool in this process: one worker thread, the same contract as the pool of actors."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence

import structlog

from hadir.core.errors import PoolBusy
from hadir.core.timings import BatchTimes
from hadir.pipeline.crash_budget import Attempt, first_attempt, split_after_crash
from hadir.pipeline.ports import Exchange, ExchangePhase, FaceJob, JobResult, PoolRoom, Stage, StageFactory, Wake
from hadir.pipeline.stage_loader import StageLoader
from hadir.pipeline.worked import OnWorked, work

__all__ = ["InlinePool", "Stage"]

_log = structlog.get_logger(__name__)


class InlinePool:
    """One worker thread, which builds its stage itself.

    A photo that ends the process ends this pool's owner too: that is what processes of their own (Ray) are for.
    """

    def __init__(self, stage_factory: StageFactory, on_worked: OnWorked = lambda _: None) -> None:
        """`on_worked` hears what each batch took the worker."""
        self._stage_factory, self._on_worked = stage_factory, on_worked
        self._changed = threading.Condition()
        self._batches = 0
        self._attempts: deque[Attempt] = deque()
        self._results: list[JobResult] = []
        self._times: list[BatchTimes] = []
        self._closed = False
        self._failure: BaseException | None = None
        self._ready = threading.Event()
        self._thread: threading.Thread | None = None
        self._wake: Wake = lambda: None
        self._stage: Stage | None = None
        self._loader: StageLoader | None = None
        self._exchange = Exchange()
        self.retries = 0
        """Batches tried again after a crash."""

    def start(self, wake: Wake) -> None:
        self._wake = wake
        self._thread = threading.Thread(target=self._serve, name="hadir-faces", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure

    def room(self) -> PoolRoom:
        with self._changed:
            return PoolRoom(idle=int(self._batches == 0), queueable=int(self._batches == 1))

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        with self._changed:
            if self._batches > 1:
                raise PoolBusy(
                    "the worker has a batch in hand and one queued, the most it may hold: take results first"
                )
            self._batches += 1
            self._attempts.append(first_attempt(jobs))
            self._changed.notify()

    def take(self) -> list[JobResult]:
        with self._changed:
            self._follow_exchange()
            results, self._results = self._results, []
            took, self._times = self._times, []
        for times in took:
            self._on_worked(times)
        return results

    def exchange(self, stage_factory: StageFactory) -> None:
        with self._changed:
            if self._exchange.under_way:
                raise PoolBusy("an exchange of stages is under way: wait until `exchanged` says how it ended")
            self._exchange = Exchange(ExchangePhase.LOADING)
            assert self._stage is not None, "start comes first"
            self._loader = StageLoader(stage_factory, self._stage, self._loaded)

    def exchanged(self) -> Exchange:
        return self._exchange

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._loader = None
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _loaded(self) -> None:
        """From the loader's thread."""
        with self._changed:
            self._changed.notify()
        self._wake()

    def _follow_exchange(self) -> None:
        """Under the lock. The worker has taken the stage when the loader is gone; results of before are in hand."""
        if self._exchange.under_way and self._loader is None:
            self._exchange = Exchange(ExchangePhase.ADOPTED)
        elif self._exchange.under_way and self._loader is not None and (failure := self._loader.failure) is not None:
            self._exchange = Exchange(ExchangePhase.FAILED, failure)
            self._loader = None

    def _serve(self) -> None:
        try:
            self._stage = self._stage_factory()
        except BaseException as err:  # noqa: BLE001 - handed to `start`, which raises it
            self._failure = err
            return
        finally:
            self._ready.set()
        while (work := self._next()) is not None:
            if isinstance(work, Attempt):
                self._run(self._stage, work)
            else:
                self._adopt(work)
            self._wake()

    def _next(self) -> Attempt | Stage | None:
        """A batch, or first the stage to adopt; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or bool(self._attempts) or self._waiting() is not None)
            if self._closed:
                return None
            return self._waiting() or self._attempts.popleft()

    def _waiting(self) -> Stage | None:
        """A stage that has been built and not been adopted."""
        return self._loader.stage if self._loader is not None else None

    def _adopt(self, stage: Stage) -> None:
        with self._changed:
            self._stage, self._loader = stage, None

    def _run(self, stage: Stage, attempt: Attempt) -> None:
        try:
            worked = work(stage, attempt.jobs)
        except Exception as err:  # noqa: BLE001 - a crash of this batch: retried smaller, then reported as spent
            _log.warning("face_batch_failed", error=type(err).__name__, jobs=len(attempt.jobs), attempt=attempt.number)
            self._retry(attempt)
        else:
            found = zip(attempt.jobs, worked.findings, strict=True)
            self._finish([JobResult(job.ticket, finding, attempt.number) for job, finding in found], worked.times)

    def _retry(self, crashed: Attempt) -> None:
        again, spent = split_after_crash(crashed)
        with self._changed:
            self._attempts.extendleft(reversed(again))
            self.retries += len(again)
        self._finish(spent)

    def _finish(self, results: Sequence[JobResult], took: BatchTimes | None = None) -> None:
        with self._changed:
            self._results += results
            if took is not None:
                self._times.append(took)
            # A batch is over when nothing of it is left to try; its retries stand before any later batch.
            if not any(attempt.number > 1 for attempt in self._attempts):
                self._batches = len(self._attempts)
