"""When a program that has ended is started again, and after how long: pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass

__all__ = ["MENDABLE", "RestartPolicy", "Restarts"]

MENDABLE = frozenset({1})
"""Exit codes that a restart may mend: an error. Not done (0), wrong use (2), partly done (3) or a failed gate (4).
A program that a signal has ended (a negative code) has said nothing and is started again, but see `_ASKED`."""

_ASKED = frozenset({-signal.SIGINT, -signal.SIGTERM})
"""Somebody wanted it to end, before it could listen."""

_DOUBLINGS = 30


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """The first restart comes after `first_s`, each further one after twice as long, `longest_s` at most. Whoever ran
    for `steady_s` starts this count anew. It is never given up: an outage of Kafka or the database may outlast any
    number of tries, and nobody else would start it for the next morning."""

    first_s: float = 1.0
    longest_s: float = 60.0
    steady_s: float = 120.0


class Restarts:
    """The ends of one program, one after the other."""

    def __init__(self, policy: RestartPolicy | None = None) -> None:
        self._policy = policy or RestartPolicy()
        self.in_a_row = 0
        """Ends since it last ran for long."""

    def after(self, code: int, ran_s: float) -> float | None:
        """Seconds until it is to be started again; None: not at all.

        Args:
            code: as `subprocess.Popen.returncode` gives it.
            ran_s: how long it ran.
        """
        if code in _ASKED or (code >= 0 and code not in MENDABLE):
            return None
        self.in_a_row = 1 if ran_s >= self._policy.steady_s else self.in_a_row + 1
        # Beyond some doublings the longest pause has long been reached, and a power would outgrow a float.
        doublings = min(self.in_a_row - 1, _DOUBLINGS)
        return min(self._policy.longest_s, self._policy.first_s * 2.0**doublings)
