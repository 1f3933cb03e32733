"""The pool of face actors on Ray: bounded work in flight, a budget of attempts, replacement of the dead.

Nothing polls: a call's future calls back on a thread of Ray's, which leaves a note and rings `wake`; all thinking is
done on the caller's thread, in `take`.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

import structlog

from hadir.actors.cluster import Cluster
from hadir.actors.face_actor import FaceWorker, WorkerFacts, own_error, read_findings
from hadir.actors.flights import Flight, Flights
from hadir.actors.stage_exchange import StageExchange
from hadir.core.errors import HadirError, PoolLost, SetupError
from hadir.pipeline.ports import Exchange, FaceJob, JobResult, PoolRoom, StageFactory, Wake

__all__ = ["RayPool", "WorkerInfo"]

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")

CALL_LIMIT_S = 120.0
"""A call takes .2 s at batch 32. One that takes this long hangs in native code, and its worker is killed; a call that
waits behind another cannot be the first to reach the limit."""
START_LIMIT_S = 120.0
FAILED_STARTS = 3
"""Fresh workers that fail one after the other, with none between that served: what they load has gone bad."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One seat of the pool: the process that serves it now (0 while a fresh one starts), and how many came before."""

    index: int
    pid: int
    restarts: int
    rss_bytes: int
    """When it had loaded its models."""


class RayPool:
    """Implements `hadir.pipeline.ports.Pool`."""

    def __init__(
        self, cluster: Cluster, stage_factory: StageFactory, workers: int, call_limit_s: float = CALL_LIMIT_S
    ) -> None:
        """Args:
        cluster: the Ray that this process has started or joined; its owner closes it, after the pool.
        stage_factory: builds the stage inside each worker; its errors come out of `start` as they are.
        workers: face actors, one core each.
        call_limit_s: how long one call may take before its worker counts as hung.
        """
        self._cluster = cluster
        self._call_limit_s = call_limit_s
        self._flights = Flights(workers)
        self._exchange = StageExchange(workers, self, stage_factory)
        self._infos = [WorkerInfo(n, 0, 0, 0) for n in range(workers)]
        self._workers: list[FaceWorker] = []
        self._timers: set[threading.Timer] = set()
        self._lost: PoolLost | None = None
        self._events: deque[Callable[[], None]] = deque()
        self._failed_starts = 0
        self._closed = False
        self._wake: Wake = lambda: None

    @property
    def retries(self) -> int:
        """Calls made again because a worker died or raised."""
        return self._flights.retries

    def workers(self) -> list[WorkerInfo]:
        """Who serves now, without asking them."""
        return list(self._infos)

    def start(self, wake: Wake) -> None:
        self._wake = wake
        self._workers = [FaceWorker(self._exchange.stage_factory) for _ in self._infos]
        futures = [worker.facts() for worker in self._workers]
        _, late = wait(futures, timeout=START_LIMIT_S)
        if late:
            raise SetupError(
                f"{len(late)} of {len(futures)} face workers were not ready after {START_LIMIT_S:.0f} s: see that the "
                "cluster has a core and memory for each"
            )
        for seat, future in enumerate(futures):
            if (error := future.exception()) is not None:
                raise _start_failure(error)
            self._seat(seat, future.result())
        self._cluster.note_processes()
        self._cluster.on_lost(wake)

    def room(self) -> PoolRoom:
        return self._flights.room()

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        self._depart(self._flights.submit(jobs, self._exchange.loading()))

    def take(self) -> list[JobResult]:
        self._raise_if_lost()
        while self._events:
            self._events.popleft()()
        for seat in self._flights.vacancies():
            self._replace(seat)
        self._exchange.step()
        for flight in self._flights.departures():
            self._depart(flight)
        return self._flights.results()

    def exchange(self, stage_factory: StageFactory) -> None:
        self._exchange.begin(stage_factory)

    def exchanged(self) -> Exchange:
        return self._exchange.stands

    def ask(
        self, seat: int, question: Callable[[FaceWorker], Future[Any]], then: Callable[[Future[Any]], None]
    ) -> None:
        """For the exchange, as its `Crew` says."""
        worker = self._workers[seat]

        def answered(future: Future[Any]) -> None:
            if self._workers[seat] is worker:
                then(future)

        self._await(question(worker), worker, self._call_limit_s, answered)

    def later(self, after_s: float, then: Callable[[], None]) -> None:
        """For the exchange, as its `Crew` says."""
        self._timer(after_s, then)

    def flying(self, seat: int) -> frozenset[int]:
        """For the exchange, as its `Crew` says."""
        return self._flights.flying(seat)

    def dead(self, seat: int) -> None:
        """For the exchange, as its `Crew` says."""
        self._raise_if_lost()
        self._flights.dead(seat)

    def close(self) -> None:
        self._closed = True
        for timer in list(self._timers):
            timer.cancel()
        workers, self._workers = self._workers, []
        if self._cluster.lost() is None:
            for worker in workers:
                worker.end()

    def _depart(self, flight: Flight) -> None:
        if flight.alone:
            # A worker may have died while it was idle, unnoticed. Whoever was unlucky before is sent only to one that
            # has just answered, so that no budget is spent on workers that were dead already.
            worker = self._workers[flight.seat]
            self._await(worker.facts(), worker, self._call_limit_s, partial(self._on_roll_call, flight))
        else:
            self._call(flight)

    def _call(self, flight: Flight) -> None:
        worker = self._workers[flight.seat]
        self._await(worker.process(flight.attempt.jobs), worker, self._call_limit_s, partial(self._on_done, flight))

    def _await(
        self, future: Future[_T], worker: FaceWorker, limit_s: float, then: Callable[[Future[_T]], None]
    ) -> None:
        timer = self._timer(limit_s, partial(self._on_overdue, future, worker))

        def end(done: Future[_T]) -> None:
            timer.cancel()
            self._timers.discard(timer)
            self._tell(partial(then, done))

        future.add_done_callback(end)

    def _timer(self, after_s: float, event: Callable[[], None]) -> threading.Timer:
        def ring() -> None:
            self._timers.discard(timer)
            self._tell(event)

        timer = threading.Timer(after_s, ring)
        timer.daemon = True
        timer.start()
        self._timers.add(timer)
        return timer

    def _tell(self, event: Callable[[], None]) -> None:
        """From any thread."""
        if not self._closed:
            self._events.append(event)
            self._wake()

    def _on_done(self, flight: Flight, future: Future[bytes]) -> None:
        if (error := future.exception()) is not None:
            self._on_failure(flight, error)
            return
        findings = read_findings(future.result())
        if len(findings) != len(flight.attempt.jobs):
            self._report(flight, f"{len(findings)} findings")
            self._flights.raised(flight.number)
        else:
            self._failed_starts = 0
            self._flights.landed(flight.number, findings)

    def _on_failure(self, flight: Flight, error: BaseException) -> None:
        # Before anybody is blamed: workers die with their raylet, and no photo did that.
        self._raise_if_lost()
        own = own_error(error)
        self._report(flight, type(own or error).__name__)
        if own is None:
            self._flights.died(flight.number)
        else:
            self._flights.raised(flight.number)

    def _report(self, flight: Flight, error: str) -> None:
        attempt = flight.attempt
        pid = self._infos[flight.seat].pid
        _log.warning("face_batch_failed", error=error, jobs=len(attempt.jobs), attempt=attempt.number, worker_pid=pid)

    def _on_roll_call(self, flight: Flight, future: Future[WorkerFacts]) -> None:
        if future.exception() is None:
            self._call(flight)
        else:
            self._raise_if_lost()
            self._flights.absent(flight.number)

    def _on_overdue(self, future: Future[_T], worker: FaceWorker) -> None:
        if not future.done():
            _log.error("face_worker_hangs")
            worker.end()

    def _replace(self, seat: int) -> None:
        self._workers[seat].end()
        self._exchange.gone(seat)
        self._infos[seat] = replace(self._infos[seat], pid=0, restarts=self._infos[seat].restarts + 1)
        worker = self._workers[seat] = FaceWorker(self._exchange.stage_factory)
        self._await(worker.facts(), worker, START_LIMIT_S, partial(self._on_start, seat))

    def _on_start(self, seat: int, future: Future[WorkerFacts]) -> None:
        if (error := future.exception()) is None:
            self._seat(seat, future.result())
            self._cluster.note_processes()
            return
        self._raise_if_lost()
        self._failed_starts += 1
        failure = _start_failure(error)
        _log.error("face_worker_did_not_start", error=failure.code, times=self._failed_starts)
        if self._failed_starts >= FAILED_STARTS:
            self._lost = PoolLost(f"{self._failed_starts} fresh face workers in a row could not serve: {failure}")
            raise self._lost from failure
        self._replace(seat)

    def _seat(self, seat: int, facts: WorkerFacts) -> None:
        self._infos[seat] = replace(self._infos[seat], pid=facts.pid, rss_bytes=facts.rss_bytes)
        self._flights.seated(seat)
        self._exchange.seated(seat)

    def _raise_if_lost(self) -> None:
        if self._lost is not None:
            raise self._lost
        if (part := self._cluster.lost()) is not None:
            raise PoolLost(f"Ray's {part} has ended: end this run and start again, log and ledger know all that is due")


def _start_failure(error: BaseException) -> HadirError:
    own = own_error(error)
    if isinstance(own, HadirError):
        return own
    return SetupError(
        f"a face worker cannot start ({type(own or error).__name__}): see the worker's log, and whether memory ran out"
    )
