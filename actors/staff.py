"""Who sits where in a pool: the workers, how many came before them, and what was wrong with those."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace

import structlog

from hadir.actors.face_actor import FaceWorker, WorkerFacts, own_error
from hadir.core.errors import HadirError, PoolLost, SetupError
from hadir.faces.model_facts import ModelFacts
from hadir.pipeline.ports import StageFactory

__all__ = ["CAUSES", "FAILED_STARTS", "Staff", "WorkerInfo", "all_ready", "start_failure"]

_log = structlog.get_logger(__name__)

CAUSES = ("died", "hung", "slow", "failed")
"""What may be wrong with a worker: it was dead, did not answer within the limit, was far slower than its peers, or
could not work."""
FAILED_STARTS = 3
"""Workers that fail to start or to prove themselves one after the other, with none between that served: what they load
has gone bad."""


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """One seat of the pool: the process that serves it now (0 while a fresh one starts), and how many came before."""

    index: int
    pid: int
    restarts: int
    rss_bytes: int
    """When it had loaded its models."""
    models: ModelFacts | None = None
    """What they run on, where its stage says so."""


class Staff:
    """Used by one thread, except `infos` and `replaced`."""

    def __init__(self, seats: int) -> None:
        self._infos = [WorkerInfo(seat, 0, 0, 0) for seat in range(seats)]
        self._workers: dict[int, FaceWorker] = {}
        self._why: dict[int, str] = {}
        self._replaced = Counter(dict.fromkeys(CAUSES, 0))
        self._failures = 0
        self._lost: PoolLost | None = None

    def __len__(self) -> int:
        """How many seats there are."""
        return len(self._infos)

    def infos(self) -> list[WorkerInfo]:
        """Who serves now, without asking them."""
        return list(self._infos)

    def replaced(self) -> Mapping[str, int]:
        """How many workers had to be replaced, for each of `CAUSES`."""
        return dict(self._replaced)

    def worker(self, seat: int) -> FaceWorker:
        """Who sits there."""
        return self._workers[seat]

    def sits(self, seat: int, worker: FaceWorker) -> bool:
        """Whether this one still sits there."""
        return self._workers.get(seat) is worker

    def hire(self, seat: int, stage_factory: StageFactory) -> FaceWorker:
        """A fresh worker; it has loaded nothing yet."""
        worker = self._workers[seat] = FaceWorker(stage_factory)
        return worker

    def ready(self, seat: int, facts: WorkerFacts) -> None:
        """The worker has loaded its stage, the first or another."""
        before = self._infos[seat]
        self._infos[seat] = replace(before, pid=facts.pid, rss_bytes=facts.rss_bytes, models=facts.models)

    def blame(self, seat: int, cause: str) -> None:
        """Why the worker goes, if it goes now. The first word counts."""
        self._why.setdefault(seat, cause)

    def end(self, seat: int, cause: str) -> None:
        """End a worker that lives: its calls fail."""
        self.blame(seat, cause)
        self._workers[seat].end()

    def dismiss(self, seat: int) -> None:
        """The worker is gone, or is ended here."""
        cause = self._why.pop(seat, "died")
        self._replaced[cause] += 1
        before = self._infos[seat]
        _log.error("face_worker_replaced", cause=cause, worker_pid=before.pid)
        self._workers[seat].end()
        self._infos[seat] = replace(before, pid=0, restarts=before.restarts + 1, models=None)

    def served(self) -> None:
        """Somebody has done what it is there for."""
        self._failures = 0

    def failed(self, error: BaseException) -> None:
        """A worker could not start, or not prove that it can work.

        Raises:
            PoolLost: it is one too many in a row.
        """
        self._failures += 1
        failure = start_failure(error)
        _log.error("face_worker_cannot_serve", error=failure.code, times=self._failures)
        if self._failures >= FAILED_STARTS:
            self._lost = PoolLost(f"{self._failures} fresh face workers in a row could not serve: {failure}")
            raise self._lost from failure

    def raise_if_lost(self) -> None:
        """Raises PoolLost, once it was raised."""
        if self._lost is not None:
            raise self._lost

    def leave(self, *, alive: bool) -> None:
        """Nobody sits anywhere any more; where Ray is `alive` their processes are ended."""
        workers, self._workers = list(self._workers.values()), {}
        for worker in workers if alive else []:
            worker.end()


def all_ready(
    futures: Sequence[Future[WorkerFacts]], within_s: float, cores: Callable[[], tuple[float, float]]
) -> list[WorkerFacts]:
    """What the workers of a first shift say, in order; blocks until the last has loaded. `cores` of the cluster: there,
    and free.

    Raises:
        SetupError: one is not ready in time.
        HadirError: one cannot serve; the error is the worker's.
    """
    _, late = wait(futures, timeout=within_s)
    if late:
        there, free = cores()
        raise SetupError(
            f"{len(late)} of {len(futures)} face workers were not ready after {within_s:.0f} s, and {free:.1f} of the "
            f"cluster's {there:.0f} cores are free: give it a core and memory for each, or take fewer (pool.workers)"
        )
    for future in futures:
        if (error := future.exception()) is not None:
            raise start_failure(error)
    return [future.result() for future in futures]


def start_failure(error: BaseException) -> HadirError:
    """Why a worker cannot start: its own error, or what is known of its death."""
    own = own_error(error)
    if isinstance(own, HadirError):
        return own
    return SetupError(
        f"a face worker cannot start ({type(own or error).__name__}): see the worker's log, and whether memory ran out"
    )
