"""A question whose answer may not come: asked beside whoever wants it, who goes on without."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import nan

from hadir.core.errors import HadirError

__all__ = ["Patience"]

WAIT_S = 1.0
"""A database that is well answers in milliseconds; a scrape has ten seconds for everything."""


class Patience:
    """Asks on a thread of its own, one question at a time. A scrape during an outage so still brings every other
    number, and says of this one that it is not known."""

    def __init__(self, question: Callable[[], float], wait_s: float = WAIT_S) -> None:
        """`question` may block, or raise HadirError."""
        self._question, self._wait_s = question, wait_s
        self._asking = threading.Lock()
        self._thread: threading.Thread | None = None
        self._answer = nan

    def __call__(self) -> float:
        """The answer; NaN where it fails, or has not come within `wait_s`. From any thread."""
        with self._asking:
            if self._thread is None or not self._thread.is_alive():
                self._answer = nan
                self._thread = threading.Thread(target=self._ask, name="hadir-question", daemon=True)
                self._thread.start()
            asked = self._thread
        asked.join(self._wait_s)
        return nan if asked.is_alive() else self._answer

    def _ask(self) -> None:
        try:
            self._answer = float(self._question())
        except HadirError:
            self._answer = nan
