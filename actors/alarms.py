"""Calling back after a while, from one thread for all: a thread for each would cost every call one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from itertools import count
from math import inf

from hadir.core.clock import Clock

__all__ = ["Alarms"]


class Alarms:
    """Few at a time, since each is looked at whenever one is due. Thread-safe; its thread runs while any is set."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._set: dict[int, tuple[float, Callable[[], None]]] = {}
        self._numbers = count(1)
        self._looks_s = inf
        self._thread: threading.Thread | None = None
        self._closed = False

    def __len__(self) -> int:
        """How many are set."""
        return len(self._set)

    def ring(self, after_s: float, then: Callable[[], None]) -> int:
        """Call `then` once, from another thread, after so many seconds. Returns what `cancel` takes."""
        due_s = self._clock.monotonic_s() + after_s
        with self._changed:
            number = next(self._numbers)
            if self._closed:
                return number
            self._set[number] = due_s, then
            if self._thread is None:
                self._thread = threading.Thread(target=self._serve, name="hadir-alarms", daemon=True)
                self._thread.start()
            elif due_s < self._looks_s:
                self._changed.notify()
        return number

    def cancel(self, number: int) -> None:
        """It does not ring any more, if it has not. Costs nothing: the thread is not woken."""
        with self._changed:
            self._set.pop(number, None)

    def close(self) -> None:
        """None rings any more. Idempotent."""
        with self._changed:
            self._closed = True
            self._set.clear()
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()

    def _serve(self) -> None:
        while (due := self._wait()) is not None:
            for then in due:
                then()

    def _wait(self) -> list[Callable[[], None]] | None:
        """Those that are due, in their order; None at the end."""
        with self._changed:
            while not self._closed:
                now_s = self._clock.monotonic_s()
                due = sorted(number for number, (due_s, _) in self._set.items() if due_s <= now_s)
                if due:
                    return [self._set.pop(number)[1] for number in due]
                self._looks_s = min((due_s for due_s, _ in self._set.values()), default=inf)
                self._changed.wait(None if self._looks_s == inf else self._looks_s - now_s)
        return None
