"""Spans of time in Prometheus' notation, and the scale that lets a test live through a week in three hours."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from hadir.core.errors import ConfigError

__all__ = ["SHIPPED", "Scale", "duration", "seconds"]

_UNITS_S: Final = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_SPAN: Final = re.compile(r"(\d+)([wdhms])")
LEAST_AGE_S: Final = 3.0
"""A machine's own pauses (a slow disk, a collection of garbage) do not shrink with the scale: no age is held against
less."""


def seconds(span: str) -> int:
    """`90s`, `5m`, `1h`, `30d` in seconds. Raises ConfigError where it is none of these."""
    match = _SPAN.fullmatch(span)
    if match is None:
        raise ConfigError(f"{span!r} is not a span of time such as 5m or 30d")
    return int(match[1]) * _UNITS_S[match[2]]


def duration(span_s: float) -> str:
    """Seconds as Prometheus writes them, the largest units first: `5m`, `23h30m`, `1m30s`, `250ms`."""
    left_ms = round(span_s * 1000)
    parts = []
    for unit, unit_s in _UNITS_S.items():
        count, left_ms = divmod(left_ms, unit_s * 1000)
        parts += [f"{count}{unit}"] if count else []
    parts += [f"{left_ms}ms"] if left_ms else []
    return "".join(parts) or "0s"


@dataclass(frozen=True, slots=True)
class Scale:
    """How much faster than life the rules are. `factor` 1 ships; at 1/60 an hour is a minute.

    Windows, offsets, `for` and ages shrink; counts, shares and the edge of the latency objective, which is an edge of
    a histogram, do not. So a test that is 60 times as fast sends as many check-ins in a window as life does.
    """

    factor: float = 1.0

    def span(self, span: str) -> str:
        """A window, an offset or a `for`, given as in life."""
        return duration(seconds(span) * self.factor)

    def age(self, age_s: float) -> str:
        """A threshold in seconds."""
        return f"{max(age_s * self.factor, min(age_s, LEAST_AGE_S)):g}"


SHIPPED: Final = Scale()
