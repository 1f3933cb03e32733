"""A thin adapter: a stage in a Ray worker process, and the driver's handle on it."""

from __future__ import annotations

import gc
import importlib
import os
import time
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import Any

import msgspec
import psutil
import structlog

from hadir.core.errors import PoolLost
from hadir.faces.model_facts import ModelFacts, RunsModels
from hadir.pipeline.ports import FaceJob, Stage, StageFactory
from hadir.pipeline.stage_loader import StageLoader
from hadir.pipeline.warmable import Warmable
from hadir.pipeline.worked import Worked, work

__all__ = [
    "BACKGROUND_CORES",
    "FACE_CORES",
    "FaceActor",
    "FaceWorker",
    "StageFactory",
    "WorkerFacts",
    "own_error",
    "read_worked",
]

_log = structlog.get_logger(__name__)

# MessagePack both ways: Ray carries bytes as they are, and pickling the same takes ten times as long (measured).
_ENCODER = msgspec.msgpack.Encoder()
_JOBS = msgspec.msgpack.Decoder(list[FaceJob])
_WORKED = msgspec.msgpack.Decoder(Worked)

MAX_PENDING_CALLS = 8
"""A hard stop that the pool never meets: two calls with photos, a proof or two, and one of an exchange."""
FACE_CORES = 0.95
"""Of one core, to Ray: the rest is what its neighbours declare. By Ray's count a core so has one face actor, and room
for five of them."""
BACKGROUND_CORES = 0.01
"""What workers declare that take idle time only, or turns with the face actors that wait for them. Never 0: a node
whose actors use none looks idle to Ray's autoscaler, which then takes it away (ray issues 46172, 47578)."""


@dataclass(frozen=True, slots=True)
class WorkerFacts:
    """Who serves: the worker's process on its node, its resident memory, and what its models run on where its stage
    says so."""

    pid: int
    rss_bytes: int
    models: ModelFacts | None = None


class FaceActor:
    """In the worker's process. Threads are one each, by the environment that `cluster` starts Ray with."""

    def __init__(self, stage_factory: StageFactory) -> None:
        self._stage: Stage | None = None
        self._failure: Exception | None = None
        self._loader: StageLoader | None = None
        try:
            self._stage = stage_factory()
            # Models and index stay: the collector need not walk them for cyclic garbage.
            gc.collect()
            gc.freeze()
        except Exception as err:  # noqa: BLE001 - Ray would turn it into text; `facts` raises it as it is
            _log.error("face_worker_cannot_serve", error=type(err).__name__)
            self._failure = err

    def facts(self) -> WorkerFacts:
        """The worker is ready; raises what its stage raised while it was built."""
        if self._failure is not None:
            raise self._failure
        facts = WorkerFacts(os.getpid(), psutil.Process().memory_info().rss)
        if isinstance(self._stage, RunsModels):
            return replace(facts, models=self._stage.models())
        return facts

    def prove(self, photos: int) -> WorkerFacts:
        """As `facts`, after so many photos of nobody, where the stage knows how; raises what that raised."""
        facts = self.facts()
        if isinstance(self._stage, Warmable):
            self._stage.warm_up(photos)
        return facts

    def process(self, jobs: bytes) -> bytes:
        """As `hadir.pipeline.worked.work`, both sides as MessagePack."""
        if self._stage is None:
            raise RuntimeError("this worker's stage was never built: ask `facts` before it is given work")
        since_s = time.perf_counter()
        return _ENCODER.encode(work(self._stage, _JOBS.decode(jobs), since_s))

    def load(self, stage_factory: StageFactory) -> None:
        """Begin to build another stage beside the one that works; returns at once."""
        if self._stage is None:
            raise RuntimeError("this worker's stage was never built: ask `facts` before it loads another")
        self._loader = StageLoader(stage_factory, self._stage)

    def loaded(self) -> bool:
        """Whether the other stage is there; raises what its factory raised."""
        loader = self._loading()
        if (failure := loader.failure) is not None:
            self._loader = None
            raise failure
        return loader.stage is not None

    def adopt(self) -> WorkerFacts:
        """Work with the other stage from the next call on, and give up the one before."""
        stage = self._loading().stage
        if stage is None:
            raise RuntimeError("the other stage is not there yet: ask `loaded` before it is adopted")
        self._stage, self._loader = stage, None
        # The new stage stays, as the one before it did; what that held is freed by its last reference.
        gc.freeze()
        return self.facts()

    def abandon(self) -> None:
        """Let go of the other stage, loaded or not."""
        self._loader = None

    def _loading(self) -> StageLoader:
        if self._loader is None:
            raise RuntimeError("this worker loads no other stage: tell it to `load` first")
        return self._loader


class FaceWorker:
    """The driver's handle on one actor. It is never restarted by Ray, but replaced by its pool: after a SIGKILL the
    caller of an actor with restarts waits 1.9 s for the error, without them .01 s, and a fresh one serves after .4 s
    (2.60, measured). Ray never repeats a call either: the budget is the pool's.

    Every call but `end` returns at once and raises PoolLost where Ray takes none any more.
    """

    def __init__(self, stage_factory: StageFactory) -> None:
        ray = importlib.import_module("ray")
        remote = ray.remote(FaceActor).options(
            num_cpus=FACE_CORES,
            max_restarts=0,
            max_task_retries=0,
            max_pending_calls=MAX_PENDING_CALLS,
            # Ray fills one node before it turns to the next: its death would take all of a member's workers.
            scheduling_strategy="SPREAD",
        )
        self._actor = remote.remote(stage_factory)

    def prove(self, photos: int = 1) -> Future[WorkerFacts]:
        """As `FaceActor.prove`: done when the worker has started and has shown that it can work, or cannot."""
        return self._call("prove", photos)

    def process(self, jobs: Sequence[FaceJob]) -> Future[bytes]:
        """What it gives is for `read_worked`."""
        return self._call("process", _ENCODER.encode(jobs))

    def load(self, stage_factory: StageFactory) -> Future[None]:
        """As `FaceActor.load`."""
        return self._call("load", stage_factory)

    def loaded(self) -> Future[bool]:
        """As `FaceActor.loaded`."""
        return self._call("loaded")

    def adopt(self) -> Future[WorkerFacts]:
        """As `FaceActor.adopt`; it comes after every call that was made before."""
        return self._call("adopt")

    def abandon(self) -> Future[None]:
        """As `FaceActor.abandon`."""
        return self._call("abandon")

    def end(self) -> None:
        """Kill its process. What it had in hand fails. Idempotent."""
        importlib.import_module("ray").kill(self._actor, no_restart=True)

    def _call(self, method: str, *arguments: object) -> Future[Any]:
        """One call, after those that were made before.

        Raises:
            PoolLost: Ray takes no call from this process any more.
        """
        try:
            future: Future[Any] = getattr(self._actor, method).remote(*arguments).future()
        except importlib.import_module("ray.exceptions").RayError as err:
            raise PoolLost(f"Ray takes no more calls ({type(err).__name__}): end this run and start again") from err
        return future


def read_worked(content: bytes) -> Worked:
    """What a worker found, and how long it took. Raises msgspec.MsgspecError where it is not that: the worker runs
    another version."""
    return _WORKED.decode(content)


def own_error(error: BaseException) -> BaseException | None:
    """The exception that a worker's own code raised; None where the worker died, or Ray failed it."""
    exceptions = importlib.import_module("ray.exceptions")
    if not isinstance(error, exceptions.RayTaskError):
        return None
    cause = getattr(error, "cause", None)
    return cause if isinstance(cause, BaseException) else error
