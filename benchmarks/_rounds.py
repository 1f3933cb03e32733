"""Alternating rounds: the things compared take turns, so that what slows the machine slows them alike."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["Bar", "Side", "Spread", "alternate", "ratio", "say"]

Side = Callable[[], Mapping[str, float]]
"""Does the same work every time, and says how it went in named numbers."""


@dataclass(frozen=True, slots=True)
class Spread:
    """One figure over all rounds, in the order in which they ran."""

    rounds: tuple[float, ...]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    def __str__(self) -> str:
        return f"{_three(self.median)} ({_three(min(self.rounds))}–{_three(max(self.rounds))})"

    def document(self) -> dict[str, object]:
        """For JSON."""
        return {
            "median": self.median,
            "min": min(self.rounds),
            "max": max(self.rounds),
            "rounds": list(self.rounds),
        }


@dataclass(frozen=True, slots=True)
class Bar:
    """What a figure's median must reach, or may not exceed."""

    figure: str
    kind: Literal["at least", "at most", "below"]
    limit: float

    def holds(self, figures: Mapping[str, Spread]) -> bool:
        """Whether it does. Raises KeyError where the figure was not measured."""
        median = figures[self.figure].median
        if self.kind == "at least":
            return median >= self.limit
        return median <= self.limit if self.kind == "at most" else median < self.limit


def alternate(sides: Mapping[str, Side], rounds: int) -> dict[str, Spread]:
    """Run every side once per round, in the order given: A B A B. Figures are named `<side>_<what the side says>`."""
    found: dict[str, list[float]] = {}
    for number in range(1, rounds + 1):
        for name, run in sides.items():
            say(f"round {number} of {rounds}: {name.replace('_', ' ')}")
            for figure, value in run().items():
                found.setdefault(f"{name}_{figure}", []).append(value)
    return {name: Spread(tuple(values)) for name, values in found.items()}


def ratio(above: Spread, below: Spread) -> Spread:
    """Round by round, so that a slow minute spoils one ratio and not the median."""
    return Spread(tuple(a / b for a, b in zip(above.rounds, below.rounds, strict=True)))


def say(text: str) -> None:
    """Progress, on standard error."""
    print(text, file=sys.stderr, flush=True)


def _three(value: float) -> str:
    """Three significant digits, without an exponent."""
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    return f"{value:,.{digits}f}"
