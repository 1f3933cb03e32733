"""Handing another snapshot to the running pipeline: offered by whoever loaded it, taken on the loop's thread."""

from __future__ import annotations

import gc
import queue
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Protocol

from hadir.app.wiring import Serving
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.errors import HadirError
from hadir.pipeline.judge import Stamp
from hadir.pipeline.observer import Served, SnapshotObserver
from hadir.pipeline.ports import Exchange, ExchangePhase, StageFactory, Wake

__all__ = ["Exchanger", "SnapshotSwitch", "Stamped"]


class Exchanger(Protocol):
    """What is needed of a pool: see `hadir.pipeline.ports.Pool`."""

    def exchange(self, stage_factory: StageFactory) -> None: ...
    def exchanged(self) -> Exchange: ...


class Stamped(Protocol):
    """What is needed of a judge: see `hadir.pipeline.judge.Judge`."""

    def serve(self, stamp: Stamp) -> None: ...


class SnapshotSwitch:
    """One switch at a time. Only `offer` may be called from another thread than the loop's."""

    def __init__(
        self,
        served: Serving,
        pool: Exchanger,
        judge: Stamped,
        yardsticks: Yardsticks,
        watchers: Sequence[SnapshotObserver],
    ) -> None:
        """Args:
        served: What serves at the start; the workers have it, and its yardstick is registered.
        watchers: Told what serves now, and after every switch.
        """
        self._pool, self._judge, self._yardsticks, self._watchers = pool, judge, yardsticks, watchers
        self._offers: queue.SimpleQueue[tuple[Serving, Future[None]]] = queue.SimpleQueue()
        self._taking: tuple[Serving, Future[None]] | None = None
        self._wake: Wake = lambda: None
        self._in_hand: Callable[[], frozenset[str]] = frozenset
        self.served = served
        """What serves now; whoever reads it from another thread sees the one before or this one."""
        self._tell()

    def join(self, wake: Wake, in_hand: Callable[[], frozenset[str]]) -> None:
        """The loop: how to ask it for a round, and the snapshots of the findings that it still holds."""
        self._wake, self._in_hand = wake, in_hand

    def offer(self, serving: Serving) -> Future[None]:
        """Let this serve, from any thread. The future is done when every worker has taken it; or it raises why it was
        refused (CalibrationError, PackError, SnapshotError, ...), and what served serves on."""
        future: Future[None] = Future()
        self._offers.put((serving, future))
        self._wake()
        return future

    def turn(self) -> None:
        """Move on, as far as it goes at once: the loop calls it each round."""
        if self._taking is not None:
            self._look(*self._taking)
        elif not self._offers.empty():
            self._begin(*self._offers.get())

    def _begin(self, serving: Serving, future: Future[None]) -> None:
        try:
            # Before any worker may answer with it.
            self._yardsticks.register(serving.snapshot.manifest.id, serving.yardstick)
            self._pool.exchange(serving.stage)
        except HadirError as err:
            future.set_exception(err)
        else:
            self._taking = serving, future

    def _look(self, serving: Serving, future: Future[None]) -> None:
        exchange = self._pool.exchanged()
        if exchange.under_way:
            return
        self._taking = None
        if exchange.phase is ExchangePhase.ADOPTED:
            self._adopted(serving)
            future.set_result(None)
        else:
            assert exchange.failure is not None
            future.set_exception(exchange.failure)

    def _adopted(self, serving: Serving) -> None:
        self.served = serving
        self._judge.serve(serving.stamp)
        # No worker answers with another any more; what was answered before is in hand.
        self._yardsticks.keep_only(self._in_hand() | {serving.snapshot.manifest.id})
        gc.freeze()  # as at the start: what is loaded now stays, and need not be walked for cyclic garbage
        self._tell()

    def _tell(self) -> None:
        pack, index = self.served.pack, self.served.snapshot.manifest
        now = Served(index.id, pack.embedding_space, pack.name, pack.licence, index.created_at_ms, index.people)
        for watcher in self._watchers:
            watcher.on_serving(now)
