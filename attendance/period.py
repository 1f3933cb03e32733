"""A span of local dates, both ends included: how long a membership, a placement or a shift holds."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

__all__ = ["ALWAYS", "Period"]


@dataclass(frozen=True, slots=True)
class Period:
    """From `first` to `last`, both included; the defaults stand for "since ever" and "until further notice"."""

    first: date = date.min
    last: date = date.max

    def covers(self, day: date) -> bool:
        """Whether `day` lies in it."""
        return self.first <= day <= self.last

    def overlaps(self, other: Period) -> bool:
        """Whether any day lies in both."""
        return self.first <= other.last and other.first <= self.last


ALWAYS = Period()
