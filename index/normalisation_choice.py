"""Whether a snapshot normalises its scores, and what that rests on: measured on its own people, never assumed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hadir.core.thresholds import ThresholdTable

__all__ = ["LEAST_PEOPLE", "NEAREST", "Interval", "Mode", "Normalisation", "Reason", "Trial"]

Interval = tuple[float, float]

NEAREST = 60
"""How many of the nearest other people the statistics rest on. Tuned on 2,828 people of LFW, split by person: flat
between 40 and 100 (dev/tune_normalisation.py, docs/thresholds.md)."""

LEAST_PEOPLE = 1000
"""Real people below which it is not tried: with 300 and 500 templates of two photos were missed more often at 1e-4 than
by their cosines, with 1,000 less often (docs/thresholds.md)."""

Mode = Literal["auto", "on", "off"]
"""`auto` switches it on where the gallery is large enough and fewer held-out people are missed with it."""

Reason = Literal["asked", "too_few_people", "not_enough_data", "no_better", "fewer_missed", "better"]
"""Why it is on or off. `better`: fewer were missed, beyond chance; `fewer_missed`: fewer, by no more than chance could
do, which is enough (docs/adr/0013-normalise-by-the-gallery.md says why)."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One photo of each person against the template of their others, people split in two halves: each half's cohort is
    the other half.

    `people` had two photos or more; of these were missed at `rate`: `missed_cosine` by their cosine and
    `missed_normalised` by their z, each at its own threshold. `difference95` is the 95 % interval of the change of
    FNMR (a fraction; below 0 normalisation is better), by people.
    """

    rate: str
    people: int
    missed_cosine: int
    missed_normalised: int
    difference95: Interval

    @property
    def reason(self) -> Reason:
        """What `auto` makes of it."""
        if self.missed_normalised >= self.missed_cosine:
            return "no_better"
        return "better" if self.difference95[1] < 0 else "fewer_missed"


def _no_table() -> ThresholdTable:
    return ThresholdTable({})


@dataclass(frozen=True, slots=True)
class Normalisation:
    """`table` and `interval95` are thresholds of z per rate and cell, empty where it is off; statistics rest on the `k`
    nearest. `trial` is None where none was made."""

    on: bool
    reason: Reason
    k: int = NEAREST
    trial: Trial | None = None
    table: ThresholdTable = field(default_factory=_no_table)
    interval95: Mapping[str, Mapping[str, Interval | None]] = field(default_factory=dict)

    @property
    def mode(self) -> Mode:
        """What to ask for so that another snapshot is chosen for in the same way."""
        if self.reason != "asked":
            return "auto"
        return "on" if self.on else "off"
