"""From the ledger's outbox to the topics: at least once, in order, with the same bytes every time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from hadir.attendance.ledger_batch import OutboxRow
from hadir.core.clock import Clock
from hadir.core.errors import HadirError, LedgerUnavailable, StreamError, StreamUnavailable
from hadir.pipeline.backoff import Backoff, BackoffPolicy
from hadir.pipeline.messages import check_in_of
from hadir.pipeline.observer import Observer, Observers
from hadir.pipeline.ports import Outbox, Sink

__all__ = ["Relay"]

_log = structlog.get_logger(__name__)

IDLE_S = 0.2
"""How often an idle relay looks without being woken: for rows that another process has written."""
STUCK_S = 3.0
"""A relay that does not lead publishes all the same where nothing has left the outbox for so long."""


class Relay:
    """One thread, so that one process never races itself. A crash between sending and marking sends again: readers
    tell by id and revision, and the bytes are equal. Of several processes on one ledger one leads and publishes for
    all; where it is frozen another steps in, and that may cost duplicates."""

    def __init__(
        self,
        outbox: Outbox,
        sink: Sink,
        clock: Clock,
        *,
        observer: Observer | None = None,
        batch: int = 256,
        backoff: BackoffPolicy | None = None,
        leads: Callable[[], bool] = lambda: True,
        on_published: Callable[[float], None] = lambda _: None,
    ) -> None:
        """`leads` says whether this process is the one that publishes (`hadir.attendance.relay_lead`); it may raise
        LedgerUnavailable. `on_published` hears, from the relay's thread, how many seconds a send took."""
        self._outbox, self._sink, self._clock, self._batch = outbox, sink, clock, batch
        self._observer: Observer = observer if observer is not None else Observers()
        self._backoff = Backoff(clock, backoff or BackoffPolicy())
        self._leads, self._on_published = leads, on_published
        self._next_look_s = float("-inf")
        self._waiting: tuple[int, ...] = ()
        self._waiting_since_s = 0.0
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._serve, name="hadir-outbox", daemon=True)

    def start(self) -> None:
        """Publish from now on, on a thread of its own."""
        self._thread.start()

    def wake(self) -> None:
        """There may be something to publish. From any thread."""
        self._wake.set()

    def step(self) -> bool:
        """Publish one batch; whether more may wait. On failure nothing is lost: it stays in the outbox."""
        now_s = self._clock.monotonic_s()
        if self._backoff.wait_s() > 0 or now_s < self._next_look_s:
            return False
        try:
            leads = self._leads()
            rows = self._outbox.unpublished(self._batch)
            if not leads and not self._is_stuck(rows, now_s):
                self._next_look_s = now_s + IDLE_S
                return False
            refused = self._publish(rows) if rows else 0
        except (LedgerUnavailable, StreamUnavailable) as err:
            self._later(err)
            return False
        if not refused:
            self._backoff.worked()
        return len(rows) == self._batch and not refused

    def _is_stuck(self, rows: Sequence[OutboxRow], now_s: float) -> bool:
        """Whether nobody has published anything of what waits for too long."""
        waiting = tuple(row.seq for row in rows)
        if waiting != self._waiting:
            self._waiting, self._waiting_since_s = waiting, now_s
        return bool(rows) and now_s - self._waiting_since_s >= STUCK_S

    def drain(self) -> None:
        """Publish all that waits, on the caller's thread: for a finite run, and after `close`."""
        while self.step():
            pass

    def close(self, grace_s: float = 10.0) -> None:
        """End the thread after a last attempt to publish what waits. Idempotent; the sink stays open."""
        self._stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(grace_s)

    def _serve(self) -> None:
        while not self._stopping:
            self._wake.clear()
            if not self.step():
                self._wake.wait(self._backoff.wait_s() or IDLE_S)
        self.drain()

    def _publish(self, rows: Sequence[OutboxRow]) -> int:
        """Send and mark; returns how many the log refuses for good."""
        began_s = self._clock.monotonic_s()
        try:
            self._sink.send([row.message for row in rows])
        except StreamUnavailable:
            raise
        except StreamError:
            return self._publish_singly(rows)
        self._on_published(self._clock.monotonic_s() - began_s)
        self._mark(rows)
        return 0

    def _publish_singly(self, rows: Sequence[OutboxRow]) -> int:
        """One refused message must not hold up the others. It stays in the outbox, where its count is seen."""
        refused = 0
        for row in rows:
            try:
                self._sink.send([row.message])
            except StreamUnavailable:
                raise
            except StreamError as err:
                refused += 1
                whose = check_in_of(row.message)
                _log.error("outbox_row_refused", check_in=whose, seq=row.seq, topic=row.message.topic, error=str(err))
                self._later(err)
            else:
                self._mark([row])
        return refused

    def _mark(self, rows: Sequence[OutboxRow]) -> None:
        self._outbox.mark_published([row.seq for row in rows], self._clock.now_ms())

    def _later(self, err: HadirError) -> None:
        self._backoff.failed()
        self._observer.on_retry("outbox", err.code)
        _log.warning("publish_failed", code=err.code, failures=self._backoff.failures, error=str(err))
