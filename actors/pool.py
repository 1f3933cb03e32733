"""The pool of face actors on Ray: bounded work in flight, a budget of attempts, replacement of the dead and the sick.

Nothing polls: a call's future calls back on a thread of Ray's, which leaves a note and rings `wake`; all thinking is
done on the caller's thread, in `take`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Any

import structlog

from hadir.actors.calls import Calls
from hadir.actors.cluster import Cluster
from hadir.actors.face_actor import FaceWorker, WorkerFacts, own_error, read_worked
from hadir.actors.flights import Flight, Flights
from hadir.actors.pace import Pace
from hadir.actors.ray_session import cores
from hadir.actors.staff import Staff, WorkerInfo, all_ready
from hadir.actors.stage_exchange import StageExchange
from hadir.core.clock import Clock, SystemClock
from hadir.core.errors import PoolLost
from hadir.pipeline.ports import Exchange, FaceJob, JobResult, PoolRoom, StageFactory, Wake
from hadir.pipeline.worked import OnWorked

__all__ = ["RayPool", "WorkerInfo"]

_log = structlog.get_logger(__name__)

CALL_LIMIT_S = 120.0
"""A call takes .2 s at batch 32. One that takes this long hangs in native code, and its worker is killed; a call that
waits behind another cannot be the first to reach the limit."""
START_LIMIT_S = 120.0
PROOF_LIMIT_S = 20.0
"""One photo by an idle worker that has loaded its models: hundredths of a second. Who fails here spends nobody's
budget."""
WARM_WITHIN_S = 30.0


class RayPool:
    """Implements `hadir.pipeline.ports.Pool`."""

    def __init__(
        self,
        cluster: Cluster,
        stage_factory: StageFactory,
        workers: int,
        call_limit_s: float = CALL_LIMIT_S,
        *,
        pace: Pace | None = None,
        clock: Clock | None = None,
        on_worked: OnWorked = lambda _: None,
    ) -> None:
        """Args:
        cluster: the Ray that this process has started or joined; its owner closes it, after the pool.
        stage_factory: builds the stage inside each worker; its errors come out of `start` as they are.
        workers: face actors, one core each.
        call_limit_s: how long one call may take before its worker counts as hung, whatever its peers do.
        pace: who counts as late; the usual one unless given.
        clock: the machine's unless given.
        on_worked: hears what each batch took its worker.
        """
        self._cluster = cluster
        self._call_limit_s = call_limit_s
        self._clock = clock or SystemClock()
        self._on_worked = on_worked
        self._flights, self._pace = Flights(workers), pace or Pace()
        self._exchange = StageExchange(workers, self, stage_factory)
        self._staff = Staff(workers)
        self._calls = Calls(self._clock)

    @property
    def retries(self) -> int:
        """Calls made again because a worker died or raised."""
        return self._flights.retries

    def workers(self) -> list[WorkerInfo]:
        """Who serves now, without asking them."""
        return self._staff.infos()

    def ready(self) -> int:
        """How many workers serve now. From any thread."""
        return sum(info.pid != 0 for info in self._staff.infos())

    def under_way(self) -> int:
        """Calls, alarms and notes that wait for something: none where nothing is in hand."""
        return len(self._calls)

    def replacements(self) -> Mapping[str, int]:
        """How many workers had to be replaced, by what was wrong with them. From any thread."""
        return self._staff.replaced()

    def start(self, wake: Wake) -> None:
        self._calls.start(wake)
        workers = [self._staff.hire(seat, self._exchange.stage_factory) for seat in range(len(self._staff))]
        for seat, facts in enumerate(all_ready([worker.prove() for worker in workers], START_LIMIT_S, cores)):
            self._seat(seat, facts)
        self._cluster.note_processes()
        self._cluster.on_lost(wake)

    def room(self) -> PoolRoom:
        return self._flights.room()

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        self._depart(self._flights.submit(jobs, self._exchange.loading()))

    def take(self) -> list[JobResult]:
        self._raise_if_lost()
        self._calls.turn()
        for seat in self._flights.sick():
            self._staff.end(seat, "slow")
        for seat in self._flights.vacancies():
            self._replace(seat)
        self._exchange.step()
        for flight in self._flights.departures():
            self._depart(flight)
        return self._flights.results()

    def warm_up(self, photos: int) -> None:
        """Let every worker do all that a batch of so many photos needs, one after the other; returns at once. Who
        cannot is replaced. Progress is made in `take`."""
        between_s = min(1.0, WARM_WITHIN_S / len(self._staff))
        for seat in range(len(self._staff)):
            self.later(seat * between_s, partial(self._warm, seat, photos))

    def exchange(self, stage_factory: StageFactory) -> None:
        self._exchange.begin(stage_factory)

    def exchanged(self) -> Exchange:
        return self._exchange.stands

    def ask(
        self, seat: int, question: Callable[[FaceWorker], Future[Any]], then: Callable[[Future[Any]], None]
    ) -> None:
        """For the exchange, as its `Crew` says."""
        worker = self._staff.worker(seat)

        def answered(future: Future[Any]) -> None:
            if self._staff.sits(seat, worker):
                then(future)

        self._calls.follow(question(worker), answered, (self._call_limit_s, partial(self._on_hang, seat, worker)))

    def later(self, after_s: float, then: Callable[[], None]) -> None:
        """For the exchange, as its `Crew` says."""
        self._calls.later(after_s, then)

    def flying(self, seat: int) -> frozenset[int]:
        """For the exchange, as its `Crew` says."""
        return self._flights.flying(seat)

    def adopted(self, seat: int, facts: WorkerFacts) -> None:
        """For the exchange, as its `Crew` says."""
        self._staff.ready(seat, facts)

    def dead(self, seat: int) -> None:
        """For the exchange, as its `Crew` says."""
        self._raise_if_lost()
        self._flights.dead(seat)

    def close(self) -> None:
        self._calls.close()
        self._staff.leave(alive=self._cluster.lost() is None)

    def _depart(self, flight: Flight) -> None:
        worker = self._staff.worker(flight.seat)
        hang = partial(self._on_hang, flight.seat, worker)
        if flight.alone:
            # A worker may have died while it was idle, unnoticed, or be unable to work. Whoever was unlucky before is
            # sent only to one that has just proven itself, so that no budget is spent on what no photo did.
            self._calls.follow(worker.prove(), partial(self._on_proof, flight), (PROOF_LIMIT_S, hang))
        else:
            self._call(flight)

    def _call(self, flight: Flight) -> None:
        worker = self._staff.worker(flight.seat)
        limits = [(self._call_limit_s, partial(self._on_hang, flight.seat, worker))]
        photos = self._photos_before(flight)
        # What is tried again may take its time: no slow photo is chased from worker to worker.
        late_s = None if flight.alone else self._pace.limit_s(flight.seat, photos)
        if late_s is not None and late_s < self._call_limit_s:
            limits.append((late_s, partial(self._on_late, flight)))
        done = partial(self._on_done, flight, photos, self._clock.monotonic_s())
        self._calls.follow(worker.process(flight.attempt.jobs), done, *limits)

    def _photos_before(self, flight: Flight) -> int:
        """Photos that the flight's worker has in hand now, its own included."""
        return sum(len(job.photos) for attempt in self._flights.in_hand(flight.seat) for job in attempt.jobs)

    def _on_late(self, flight: Flight) -> None:
        for seat in self._flights.late(flight.number)[:1]:
            self.ask(seat, FaceWorker.prove, partial(self._on_witness, flight, seat))

    def _warm(self, seat: int, photos: int) -> None:
        since_s = self._clock.monotonic_s()

        def answered(future: Future[WorkerFacts]) -> None:
            if self._has_proven(seat, future):
                took_s = round(self._clock.monotonic_s() - since_s, 3)
                _log.info("face_worker_warm", worker_pid=future.result().pid, photos=photos, seconds=took_s)

        self.ask(seat, lambda worker: worker.prove(photos), answered)

    def _on_witness(self, flight: Flight, seat: int, future: Future[WorkerFacts]) -> None:
        if self._has_proven(seat, future):
            self._flights.witness(flight.number)

    def _has_proven(self, seat: int, future: Future[WorkerFacts]) -> bool:
        """Whether a worker that was asked to can work; if not it goes, and nothing that it has in hand is charged."""
        if (error := future.exception()) is None:
            return True
        self._raise_if_lost()
        if own_error(error) is not None:
            self._staff.end(seat, "failed")
            self._staff.failed(error)
        self._flights.dead(seat, excused=own_error(error) is not None)
        return False

    def _on_done(self, flight: Flight, photos: int, since_s: float, future: Future[bytes]) -> None:
        if (error := future.exception()) is not None:
            self._on_failure(flight, error)
            return
        worked = read_worked(future.result())
        if len(worked.findings) != len(flight.attempt.jobs):
            self._report(flight, f"{len(worked.findings)} findings")
            self._raised(flight)
        else:
            self._staff.served()
            self._pace.took(flight.seat, photos, self._clock.monotonic_s() - since_s)
            self._flights.landed(flight.number, worked.findings)
            self._on_worked(worked.times)

    def _on_failure(self, flight: Flight, error: BaseException) -> None:
        # Before anybody is blamed: workers die with their raylet, and no photo did that.
        self._raise_if_lost()
        own = own_error(error)
        self._report(flight, type(own or error).__name__)
        if own is None:
            self._flights.died(flight.number)
        else:
            self._raised(flight)

    def _raised(self, flight: Flight) -> None:
        if self._flights.raised(flight.number):
            self._staff.blame(flight.seat, "failed")

    def _report(self, flight: Flight, error: str) -> None:
        attempt = flight.attempt
        pid = self._staff.infos()[flight.seat].pid
        _log.warning("face_batch_failed", error=error, jobs=len(attempt.jobs), attempt=attempt.number, worker_pid=pid)

    def _on_proof(self, flight: Flight, future: Future[WorkerFacts]) -> None:
        if (error := future.exception()) is None:
            self._call(flight)
            return
        self._raise_if_lost()
        self._flights.absent(flight.number)
        if own_error(error) is not None:
            self._staff.end(flight.seat, "failed")
            self._staff.failed(error)

    def _on_hang(self, seat: int, worker: FaceWorker) -> None:
        if self._staff.sits(seat, worker):
            self._staff.end(seat, "hung")

    def _replace(self, seat: int) -> None:
        self._staff.dismiss(seat)
        self._exchange.gone(seat)
        worker = self._staff.hire(seat, self._exchange.stage_factory)
        hang = partial(self._on_hang, seat, worker)
        self._calls.follow(worker.prove(), partial(self._on_start, seat), (START_LIMIT_S, hang))

    def _on_start(self, seat: int, future: Future[WorkerFacts]) -> None:
        if (error := future.exception()) is None:
            self._seat(seat, future.result())
            self._cluster.note_processes()
            return
        self._raise_if_lost()
        self._staff.failed(error)
        self._staff.blame(seat, "failed")
        self._replace(seat)

    def _seat(self, seat: int, facts: WorkerFacts) -> None:
        self._staff.ready(seat, facts)
        self._flights.seated(seat)
        self._exchange.seated(seat)

    def _raise_if_lost(self) -> None:
        self._staff.raise_if_lost()
        if (part := self._cluster.lost()) is not None:
            raise PoolLost(f"Ray's {part} has ended: end this run and start again, log and ledger know all that is due")
