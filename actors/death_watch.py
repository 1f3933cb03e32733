"""Know at once that a process has ended, without asking again and again."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Mapping

from hadir.core.errors import SetupError

__all__ = ["DeathWatch"]


class DeathWatch:
    """Holds a pidfd of each process: readable from the moment it ends, even before its parent has collected it.

    Ray itself tells its driver of a dead raylet after 15 s, and of a dead head never: it ends the driver after 60 s
    (2.60, measured). `ended` answers now, which lets a pool tell "my photo killed the worker" from "Ray is gone".
    """

    def __init__(self, pids: Mapping[str, int]) -> None:
        """Args:
            pids: what each process is called, and its pid.

        Raises:
            SetupError: not on Linux, or one has ended already.
        """
        if not hasattr(os, "pidfd_open"):
            raise SetupError("a Ray of our own needs Linux 5.3 or later: use the inline pool here, or join a cluster")
        self._names: dict[int, str] = {}
        self._stop = os.eventfd(0)
        self._thread: threading.Thread | None = None
        try:
            for name, pid in pids.items():
                self._names[os.pidfd_open(pid)] = name
        except ProcessLookupError as err:
            self.close()
            raise SetupError(f"Ray's {name} ended while Ray started: see its logs, and whether memory ran out") from err

    def ended(self) -> str | None:
        """Which process has ended, None while all live. Never blocks; after `close` it tells nothing."""
        return next((self._names[fd] for fd, _ in self._poll(list(self._names)).poll(0)), None)

    def notify(self, callback: Callable[[], None]) -> None:
        """Call back once, from a thread of its own, when the first of them ends. One callback per watch."""
        self._thread = threading.Thread(target=self._wait, args=(callback,), name="hadir-death-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop watching. Idempotent."""
        if self._thread is not None:
            os.eventfd_write(self._stop, 1)
            self._thread.join()
            self._thread = None
        names, self._names = self._names, {}
        for fd in [*names, *([self._stop] if self._stop >= 0 else [])]:
            os.close(fd)
        self._stop = -1

    def _wait(self, callback: Callable[[], None]) -> None:
        events = self._poll([*self._names, self._stop]).poll()
        if any(fd != self._stop for fd, _ in events):
            callback()

    @staticmethod
    def _poll(fds: list[int]) -> select.poll:
        poll = select.poll()
        for fd in fds:
            poll.register(fd, select.POLLIN)
        return poll
