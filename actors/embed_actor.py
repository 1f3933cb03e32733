"""A thin adapter: a pack that embeds enrolled photos in a Ray worker, below everything that is live."""

from __future__ import annotations

import gc
import importlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

import msgspec
import structlog

from hadir.actors.face_actor import BACKGROUND_CORES
from hadir.core.errors import PoolLost
from hadir.index.reindex_chunks import EmbeddedPhoto
from hadir.pipeline.embedding import EnrolledPhoto, PhotoStage

__all__ = [
    "CALL_CPU_LIMIT_S",
    "EmbedActor",
    "EmbedWorker",
    "PhotoStageFactory",
    "cores_of_ray",
    "keep_to_idle_time",
    "read_embedded",
]

_log = structlog.get_logger(__name__)

PhotoStageFactory = Callable[[], PhotoStage]
"""Built in the worker's process: picklable, and reachable there by import."""

CALL_CPU_LIMIT_S = 120.0
"""A chunk takes .3 s of one core. Processor time, since a worker that gives way to a busy morning may take long."""

_LOWEST_NICENESS = 19

# As between pool and face actors: MessagePack both ways, which Ray carries as it is.
_ENCODER = msgspec.msgpack.Encoder()
_PHOTOS = msgspec.msgpack.Decoder(list[EnrolledPhoto])
_EMBEDDED = msgspec.msgpack.Decoder(list[EmbeddedPhoto])


class EmbedActor:
    """In the worker's process, on its main thread."""

    def __init__(self, stage_factory: PhotoStageFactory, cpu_limit_s: float) -> None:
        keep_to_idle_time()
        self._cpu_limit_s = cpu_limit_s
        self._stage: PhotoStage | None = None
        self._failure: Exception | None = None
        try:
            self._stage = stage_factory()
            gc.collect()
            gc.freeze()
        except Exception as err:  # noqa: BLE001 - Ray would turn it into text; `pid` raises it as it is
            _log.error("embed_worker_cannot_serve", error=type(err).__name__)
            self._failure = err

    def pid(self) -> int:
        """The worker is ready; raises what its stage raised while it was built."""
        if self._failure is not None:
            raise self._failure
        return os.getpid()

    def embed(self, photos: bytes) -> bytes:
        """As `PhotoStage.embed`, both sides as MessagePack. Ends its process where it takes too long."""
        if self._stage is None:
            raise RuntimeError("this worker's stage was never built: ask `pid` before it is given work")
        with _cpu_limit(self._cpu_limit_s):
            return _ENCODER.encode(self._stage.embed(_PHOTOS.decode(photos)))


class EmbedWorker:
    """The driver's handle on one actor; replaced after a death, never restarted by Ray.

    It asks Ray for next to no core: on a shared cluster it would sit on one that the live pipeline needs when it
    replaces a worker of its own. It runs where there is memory, on cores that nobody else wants.
    """

    def __init__(self, stage_factory: PhotoStageFactory, cpu_limit_s: float) -> None:
        ray = importlib.import_module("ray")
        remote = ray.remote(EmbedActor).options(
            num_cpus=BACKGROUND_CORES, max_restarts=0, max_task_retries=0, scheduling_strategy="SPREAD"
        )
        self._actor = remote.remote(stage_factory, cpu_limit_s)

    def pid(self) -> Future[int]:
        """Done when the worker is ready, or cannot be."""
        return _call(self._actor.pid)

    def embed(self, photos: Sequence[EnrolledPhoto]) -> Future[bytes]:
        """One call; what it gives is for `read_embedded`. Raises PoolLost: Ray takes no more calls."""
        return _call(self._actor.embed, _ENCODER.encode(photos))

    def end(self) -> None:
        """Kill its process. What it had in hand fails. Idempotent."""
        importlib.import_module("ray").kill(self._actor, no_restart=True)


def read_embedded(content: bytes) -> list[EmbeddedPhoto]:
    """What a worker made. Raises msgspec.MsgspecError where it is not that: the worker runs another version."""
    return _EMBEDDED.decode(content)


def keep_to_idle_time() -> None:
    """Let the calling thread run only when no other thread of the machine wants its core (sched(7), SCHED_IDLE).

    Ray's workers, and with them the live pipeline's, run at niceness 15. At 19 this thread would still take 29 % of a
    core that it shares with one of them; as SCHED_IDLE 8 % (weights 36, 15 and 3, kernel/sched/core.c), and it gives
    the core away at once when the other wakes up.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):  # not Linux, or a sandbox that does not let us
        os.nice(_LOWEST_NICENESS)


def cores_of_ray() -> int:
    """How many cores the Ray of this process has, on all its nodes; at least one."""
    return max(1, int(importlib.import_module("ray").cluster_resources().get("CPU", 1)))


@contextmanager
def _cpu_limit(limit_s: float) -> Iterator[None]:
    """SIGPROF, whose default is to end the process, when the process has used up its processor time: native code that
    hangs cannot be interrupted in any other way, and its owner may be on another machine."""
    signal.setitimer(signal.ITIMER_PROF, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _call(method: Any, *arguments: bytes) -> Future[Any]:
    try:
        future: Future[Any] = method.remote(*arguments).future()
    except importlib.import_module("ray.exceptions").RayError as err:
        raise PoolLost(f"Ray takes no more calls ({type(err).__name__}): run it again, finished work is kept") from err
    return future
