"""When to try again: exponential, bounded, on an injected clock. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from hadir.core.clock import Clock

__all__ = ["Backoff", "BackoffPolicy"]


@dataclass(frozen=True, slots=True)
class BackoffPolicy:
    """Waits `first_s`, then twice as long each time, `most_s` at most."""

    first_s: float = 0.1
    most_s: float = 5.0


class Backoff:
    """The state of one thing that may fail for a while."""

    def __init__(self, clock: Clock, policy: BackoffPolicy = BackoffPolicy()) -> None:
        self._clock = clock
        self._policy = policy
        self._failures = 0
        self._not_before_s = 0.0

    @property
    def failures(self) -> int:
        """Failures in a row; 0: it works."""
        return self._failures

    def failed(self) -> None:
        """It did not work this time."""
        # The exponent is bounded so that a long outage does not overflow a float.
        wait_s = min(self._policy.most_s, self._policy.first_s * 2.0 ** min(self._failures, 32))
        self._failures += 1
        self._not_before_s = self._clock.monotonic_s() + wait_s

    def worked(self) -> None:
        """It works again."""
        self._failures = 0

    def wait_s(self) -> float:
        """Seconds until the next attempt; 0: now."""
        return max(0.0, self._not_before_s - self._clock.monotonic_s()) if self._failures else 0.0
