"""Ends of calls and of waits, brought from other threads to the one that thinks."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import TypeVar

from hadir.actors.alarms import Alarms
from hadir.core.clock import Clock
from hadir.pipeline.ports import Wake

__all__ = ["Calls"]

_T = TypeVar("_T")


class Calls:
    """Nothing polls: a future or an alarm leaves a note and rings; `turn` reads the notes on the caller's thread."""

    def __init__(self, clock: Clock) -> None:
        self._notes: deque[Callable[[], None]] = deque()
        self._alarms = Alarms(clock)
        self._wake: Wake = lambda: None
        self._closed = False

    def __len__(self) -> int:
        """Notes and alarms that wait: none when nothing is under way."""
        return len(self._notes) + len(self._alarms)

    def start(self, wake: Wake) -> None:
        """`wake` is rung from any thread when there is a note."""
        self._wake = wake

    def follow(
        self,
        future: Future[_T],
        then: Callable[[Future[_T]], None],
        *limits: tuple[float, Callable[[], None]],
    ) -> None:
        """Call `then` in a `turn` when the future is done; before that each of `limits` that is reached: seconds from
        now, and what is due then."""
        alarms = [self._alarms.ring(after_s, partial(self.tell, due)) for after_s, due in limits]

        def end(done: Future[_T]) -> None:
            for alarm in alarms:
                self._alarms.cancel(alarm)
            self.tell(partial(then, done))

        future.add_done_callback(end)

    def later(self, after_s: float, then: Callable[[], None]) -> None:
        """Call `then` in a `turn` after so many seconds."""
        self._alarms.ring(after_s, partial(self.tell, then))

    def tell(self, note: Callable[[], None]) -> None:
        """Call it in a `turn`. From any thread."""
        if not self._closed:
            self._notes.append(note)
            self._wake()

    def turn(self) -> None:
        """Call what is due, in the order in which it came."""
        while self._notes:
            self._notes.popleft()()

    def close(self) -> None:
        """Nothing is called any more. Idempotent."""
        self._closed = True
        self._alarms.close()
        self._notes.clear()
