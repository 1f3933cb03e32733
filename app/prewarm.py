"""Before the morning's surge: warm the workers up and see that the ledger answers, while there is time to mend it.

After a night without work pages of models and index may be gone from memory, a connection cut by a firewall, a worker
sick. The first who arrive should not be those who find out.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

from hadir.attendance.shifts import Shifts
from hadir.core.clock import Clock
from hadir.core.errors import HadirError
from hadir.pipeline.ports import Wake

__all__ = ["Prewarm", "next_prewarm_ms"]

_log = structlog.get_logger(__name__)

LOOK_S = 20.0
"""The schedule is on the wall clock, which may be set; a wait until the exact moment would not notice."""


def next_prewarm_ms(shifts: Shifts, before_min: float, after_ms: int) -> int | None:
    """UTC of the next moment, later than `after_ms`, that is so many minutes before a shift starts; None: not soon."""
    before_ms = round(before_min * 60_000)
    start_ms = shifts.next_start_ms(after_ms + before_ms)
    return None if start_ms is None else start_ms - before_ms


class Prewarm:
    """Its thread watches the clock; workers are touched on the loop's thread alone, in `turn`."""

    def __init__(
        self,
        shifts: Shifts,
        before_min: float,
        *,
        warm_up: Callable[[], None],
        check_ledger: Callable[[], object],
        wake: Wake,
        clock: Clock,
    ) -> None:
        """Args:
        shifts: whose starts are the mornings.
        before_min: minutes before each start.
        warm_up: called on the loop's thread, returns at once.
        check_ledger: a small question to the database, from this thread; raises HadirError where it does not answer.
        wake: asks the loop for a round.
        clock: the schedule's.
        """
        self._shifts, self._before_min = shifts, before_min
        self._warm_up, self._check_ledger = warm_up, check_ledger
        self._wake, self._clock = wake, clock
        self._next_ms = next_prewarm_ms(shifts, before_min, clock.now_ms())
        self._due = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="hadir-prewarm", daemon=True)

    def look(self) -> None:
        """Whether it is time. The thread does nothing but this, again and again."""
        now_ms = self._clock.now_ms()
        if self._next_ms is not None and now_ms >= self._next_ms:
            _log.info("prewarm", minutes_before_a_shift=self._before_min)
            self._due.set()
            self._wake()
            self._ask_ledger()
        if self._next_ms is None or now_ms >= self._next_ms:
            self._next_ms = next_prewarm_ms(self._shifts, self._before_min, now_ms)

    def turn(self) -> None:
        """On the loop's thread, each round."""
        if self._due.is_set():
            self._due.clear()
            self._warm_up()

    def _ask_ledger(self) -> None:
        try:
            self._check_ledger()
        except HadirError as err:
            _log.error("prewarm_ledger_does_not_answer", code=err.code, error=str(err))

    def _watch(self) -> None:
        while not self._end.wait(LOOK_S):
            self.look()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join()
