"""Re-embedding on Ray: one call in flight per worker, the next one read already, replacement of the dead.

One call, so that a death has one suspect. A worker waits .5 ms for its next one (0.3 % of a chunk's time), since it is
sent before the finished one is looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, wait
from dataclasses import dataclass
from itertools import count
from queue import SimpleQueue
from typing import Any

import structlog

from hadir.actors.cluster import Cluster
from hadir.actors.embed_actor import CALL_CPU_LIMIT_S, EmbedWorker, PhotoStageFactory, read_embedded
from hadir.actors.face_actor import own_error
from hadir.core.errors import HadirError, PoolLost, SetupError
from hadir.pipeline.chunk_attempts import Call, ChunkAttempts
from hadir.pipeline.embedding import EmbeddedChunk, PhotoChunk

__all__ = ["RayEmbedder"]

_log = structlog.get_logger(__name__)

START_LIMIT_S = 600.0
"""A worker loads its pack in a second, and in minutes where the live pipeline leaves it little of the processor."""
FAILED_STARTS = 3
"""Fresh workers that fail one after the other, with none between that served."""


@dataclass(slots=True, eq=False)
class _Seat:
    """A place for a worker. `awaits` is the number of the event that it waits for, 0 where it waits for none; with a
    `call` it is a chunk's, without one the word that a fresh worker is ready."""

    worker: EmbedWorker
    awaits: int = 0
    call: Call | None = None


_Event = tuple[_Seat, int, Future[Any]] | None


class RayEmbedder:
    """Implements `hadir.pipeline.embedding.Embedder`."""

    def __init__(
        self,
        cluster: Cluster,
        stage_factory: PhotoStageFactory,
        workers: int,
        call_cpu_limit_s: float = CALL_CPU_LIMIT_S,
    ) -> None:
        """Args:
        cluster: the Ray that this process has started or joined; its owner closes it, after this.
        stage_factory: builds the stage inside each worker; its errors come out of `start` as they are.
        workers: how many, at the lowest priority.
        call_cpu_limit_s: processor time after which a worker that is still at one call counts as hung, and ends.
        """
        self._cluster = cluster
        self._stage_factory = stage_factory
        self._size = workers
        self._call_cpu_limit_s = call_cpu_limit_s
        self._seats: list[_Seat] = []
        self._events: SimpleQueue[_Event] = SimpleQueue()
        self._numbers = count(1)
        self._attempts = ChunkAttempts()
        self._again: deque[Call] = deque()
        self._exhausted = False
        self._failed_starts = 0
        self.retries = 0
        """Calls made again because a worker died or raised."""

    def start(self) -> None:
        """Bring the workers up; blocks until each has loaded its pack.

        Raises:
            PackError, SpaceMismatch, SetupError: a worker cannot serve; the message is the worker's.
        """
        self._seats = [_Seat(self._fresh()) for _ in range(self._size)]
        futures = [seat.worker.pid() for seat in self._seats]
        _, late = wait(futures, timeout=START_LIMIT_S)
        if late:
            raise SetupError(
                f"{len(late)} of {len(futures)} workers were not ready after {START_LIMIT_S:.0f} s: see that the "
                "machines have memory for each"
            )
        for future in futures:
            if (error := future.exception()) is not None:
                raise _start_failure(error)
        self._cluster.note_processes()
        self._cluster.on_lost(lambda: self._events.put(None))

    def close(self) -> None:
        """End the workers; chunks that have not come back are dropped. Idempotent."""
        seats, self._seats = self._seats, []
        if self._cluster.lost() is None:
            for seat in seats:
                seat.worker.end()

    def embed(self, chunks: Iterable[PhotoChunk]) -> Iterator[EmbeddedChunk]:
        following = iter(chunks)
        self._exhausted = False
        self._dispatch(following)
        while len(self._attempts) or not self._exhausted:
            finished = self._take()
            self._dispatch(following)
            if finished is not None:
                yield finished

    def _dispatch(self, following: Iterator[PhotoChunk]) -> None:
        """Give every idle worker a call, first what must be tried again."""
        for seat in self._seats:
            if seat.awaits == 0 and (call := self._next_call(following)) is not None:
                self._send(seat, call)

    def _next_call(self, following: Iterator[PhotoChunk]) -> Call | None:
        if self._again:
            return self._again.popleft()
        if self._exhausted or (chunk := next(following, None)) is None:
            self._exhausted = True
            return None
        return self._attempts.open(chunk)

    def _send(self, seat: _Seat, call: Call) -> None:
        if call.attempt > 1 and (error := seat.worker.pid().exception()) is not None:
            # It died while it was idle. Nothing is spent: only what dies alone with a living worker is blamed.
            self._again.appendleft(call)
            self._bury(seat, error)
            return
        seat.call = call
        self._listen(seat, seat.worker.embed(self._attempts.photos(call)))

    def _listen(self, seat: _Seat, future: Future[Any]) -> None:
        number = seat.awaits = next(self._numbers)
        future.add_done_callback(lambda done: self._events.put((seat, number, done)))

    def _take(self) -> EmbeddedChunk | None:
        """Wait for one event."""
        event = self._events.get()
        self._raise_if_lost()
        if event is None or event[0].awaits != event[1]:
            return None
        seat, _, future = event
        seat.awaits, call, seat.call = 0, seat.call, None
        error = future.exception()
        if call is None:
            self._on_start(seat, error)
            return None
        if error is not None:
            return self._on_failure(seat, call, error)
        self._failed_starts = 0
        return self._attempts.landed(call, read_embedded(future.result()))

    def _on_failure(self, seat: _Seat, call: Call, error: BaseException) -> EmbeddedChunk | None:
        own = own_error(error)
        _log.warning(
            "embed_chunk_failed",
            error=type(own or error).__name__,
            chunk=call.chunk,
            photos=len(call.places),
            attempt=call.attempt,
        )
        if own is None:
            self._bury(seat, error)
        again, finished = self._attempts.crashed(call)
        self._again.extend(again)
        self.retries += len(again)
        return finished

    def _bury(self, seat: _Seat, error: BaseException) -> None:
        """Replace a dead worker."""
        self._raise_if_lost()
        _log.warning("embed_worker_died", error=type(error).__name__)
        seat.worker.end()
        seat.worker = self._fresh()
        self._listen(seat, seat.worker.pid())

    def _fresh(self) -> EmbedWorker:
        return EmbedWorker(self._stage_factory, self._call_cpu_limit_s)

    def _on_start(self, seat: _Seat, error: BaseException | None) -> None:
        if error is None:
            self._cluster.note_processes()
            return
        self._failed_starts += 1
        failure = _start_failure(error)
        _log.error("embed_worker_did_not_start", error=failure.code, times=self._failed_starts)
        if self._failed_starts >= FAILED_STARTS:
            raise PoolLost(
                f"{self._failed_starts} fresh workers in a row could not serve, finished work is kept: {failure}"
            ) from failure
        self._bury(seat, error)

    def _raise_if_lost(self) -> None:
        """Before anybody is blamed: workers die with their raylet, and no photo did that."""
        if (part := self._cluster.lost()) is not None:
            raise PoolLost(f"Ray's {part} has ended: run it again, finished work is kept")


def _start_failure(error: BaseException) -> HadirError:
    own = own_error(error)
    if isinstance(own, HadirError):
        return own
    return SetupError(
        f"a worker cannot start ({type(own or error).__name__}): see the worker's log, and whether memory ran out"
    )
