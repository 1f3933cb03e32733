"""The loop: from the log through the workers into the ledger, then the offset.

Kafka's offsets and the ledger are the only truth; everything here may be lost at any moment. Records are decided and
written in offset order per partition, so the ledger's position is exact and a restart decides nothing twice.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping

import structlog

from hadir.core.clock import Clock
from hadir.pipeline.docket import Docket
from hadir.pipeline.judge import Judge
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.observer import Observer, Observers
from hadir.pipeline.ports import Pool, Source, VerdictLedger, Wake
from hadir.pipeline.writer import LedgerWriter

__all__ = ["TURN_S", "Intake"]

TURN_S = 5.0
"""An idle loop turns so often without being woken: a loop that lives is told from one that hangs, and a bell that was
missed costs seconds, not a morning."""

_log = structlog.get_logger(__name__)


class Intake:
    """One loop on one thread. Only what says so may be called from another."""

    def __init__(
        self,
        source: Source,
        pool: Pool,
        ledger: VerdictLedger,
        judge: Judge,
        *,
        topic: str,
        clock: Clock,
        observer: Observer | None = None,
        limits: IntakeLimits | None = None,
        after_write: Wake = lambda: None,
        each_round: Callable[[], None] = lambda: None,
        on_assigned: Callable[[Collection[int]], None] = lambda _: None,
    ) -> None:
        """`after_write` is called after each transaction: it wakes the outbox's relay. `each_round` is called on the
        loop's thread at the end of each round, where pool and judge may be touched, and must return at once.
        `on_assigned` hears of partitions that came, perhaps from another thread: until then nothing is read."""
        self._source, self._pool, self._clock = source, pool, clock
        self._limits = limits = limits or IntakeLimits()
        self._observer: Observer = observer if observer is not None else Observers()
        self._docket = Docket(limits.watermarks, limits.batch)
        self._writer = LedgerWriter(
            source,
            ledger,
            judge,
            self._docket,
            topic=topic,
            clock=clock,
            observer=self._observer,
            policy=limits.write,
            after_write=after_write,
        )
        self._each_round, self._on_assigned = each_round, on_assigned
        self._told = self._docket.in_hand()
        self._paused = False
        self._wake = threading.Event()
        self._turned_s = clock.monotonic_s()
        self._started = False
        self._stopping = False

    def run(self, finished: Callable[[], bool] = lambda: False) -> None:
        """Work until `stop`, or until nothing is in hand and `finished` says so. Ends source and pool.

        Raises:
            OffsetLost, StreamError, PoolLost: a restart must mend it; log and ledger hold everything.
            PackError, SnapshotError, SetupError, StreamUnavailable: source or pool cannot start.
        """
        try:
            self.start()
            while not self._stopping:
                self._wake.clear()
                if self.step():
                    continue
                if not len(self._docket) and finished():
                    break
                self._wake.wait(min(self._writer.wait_s() or TURN_S, TURN_S))
            self._drain()
        finally:
            self._source.close()
            self._pool.close()

    def run_until_idle(self) -> None:
        """For a source that hands out at once what it has, such as the memory log: decide all of it, then end."""
        self.run(finished=lambda: True)

    def stop(self) -> None:
        """Take nothing more, finish what is in hand within the grace time, then end. From any thread or signal."""
        self._stopping = True
        self._wake.set()

    def start(self) -> None:
        """Bring up the workers, then join the log, once. `run` does it; call it before only to drive `step` by hand."""
        if self._started:
            return
        self._started = True
        self._pool.start(self._wake.set)
        self._source.start(self._wake.set, self._placing)
        self._turned_s = self._clock.monotonic_s()

    def step(self) -> bool:
        """One round without waiting; whether anything moved."""
        moved = self._take() + self._finish()
        resumed = self._throttle()
        self._each_round()
        return moved > 0 or resumed

    def wake(self) -> None:
        """Ask for a round. From any thread."""
        self._wake.set()

    def snapshots_in_hand(self) -> frozenset[str]:
        """Those that findings were made with which are not judged yet. On the loop's thread."""
        return self._docket.snapshots()

    def still_for_s(self) -> float:
        """Seconds since the loop began its latest round: more than `TURN_S` and what a round takes, and it hangs. From
        any thread."""
        return self._clock.monotonic_s() - self._turned_s

    def paused(self) -> bool:
        """Whether fetching is paused. From any thread."""
        return self._paused

    def _placing(self, partitions: Collection[int]) -> Mapping[int, int]:
        self._on_assigned(partitions)
        return self._writer.stored(partitions)

    def _take(self) -> int:
        self._writer.forget(self._source.lost())
        limit = 0 if self._writer.failing else self._docket.room()
        records = self._source.take(limit) if limit else []
        self._docket.take(records)
        if records:
            self._observer.on_received(len(records))
        return len(records)

    def _finish(self) -> int:
        """Move what is in hand on, as far as it goes."""
        self._turned_s = self._clock.monotonic_s()
        self._submit()
        results = self._pool.take()
        for result in results:
            self._docket.resolve(result)
        self._submit()
        room = self._pool.room()
        written = self._writer.write(backlog=room.idle == room.queueable == 0)
        if (in_hand := self._docket.in_hand()) != self._told:
            self._told = in_hand
            self._observer.on_in_hand(in_hand)
        return len(results) + written

    def _submit(self) -> None:
        while batch := self._docket.next_batch(self._pool.room()):
            self._pool.submit(batch)
            self._observer.on_batch(sum(len(job.photos) for job in batch), self._limits.batch.photos)

    def _throttle(self) -> bool:
        """Fetch or do not; True on resuming, as records may have arrived that nobody will announce again."""
        pause = self._docket.should_pause() or self._writer.failing
        if pause == self._paused:
            return False
        self._paused = pause
        (self._source.pause if pause else self._source.resume)()
        return not pause

    def _drain(self) -> None:
        self._source.pause()
        until_s = self._clock.monotonic_s() + self._limits.grace_s
        while len(self._docket) and (left_s := until_s - self._clock.monotonic_s()) > 0:
            self._wake.clear()
            self._writer.forget(self._source.lost())
            if not self._finish():
                self._wake.wait(min(left_s, self._writer.wait_s() or left_s))
        if len(self._docket):
            _log.warning("stopped_with_work_in_hand", records=len(self._docket), note="decided after the next start")
