"""Sent against decided: what is missing, doubled or other than expected. No counter of the stream is trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hadir.app.scenarios import Expected

__all__ = ["Mismatch", "Tally", "tally"]


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An id whose row is not what had to come; `actual` is "no row" where there is none."""

    id: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Tally:
    """`missing` ids have no row of revision 0, `doubled` ids more than one."""

    rows: int
    outcomes: Mapping[str, int]
    missing: tuple[str, ...]
    doubled: tuple[str, ...]
    mismatches: tuple[Mismatch, ...]


def tally(expected: Sequence[Expected], rows: Iterable[Mapping[str, Any]]) -> Tally:
    """Join the truth with exported ledger rows; a row that nobody expected is a mismatch too."""
    machine = [row for row in rows if row["revision"] == 0]
    seen = Counter(row["id"] for row in machine)
    actual = {row["id"]: f"{row['outcome']} {row['reasons'][0]}" for row in machine}
    wanted = {one.id: f"{one.outcome.value} {one.reason}" for one in expected}
    wrong = [
        Mismatch(identity, wanted.get(identity, "no row"), actual.get(identity, "no row"))
        for identity in sorted(wanted.keys() | actual.keys())
        if wanted.get(identity) != actual.get(identity)
    ]
    return Tally(
        rows=len(machine),
        outcomes=Counter(row["outcome"] for row in machine),
        missing=tuple(sorted(wanted.keys() - actual.keys())),
        doubled=tuple(sorted(identity for identity, count in seen.items() if count > 1)),
        mismatches=tuple(wrong),
    )
