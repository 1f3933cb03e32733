"""What a candidate would have decided, beside what was decided: who differs, why, and by how much."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

__all__ = ["Judged", "ShadowReport", "Spread"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One verdict. `above_accept` is by how much the score of the claimed person exceeds the accept threshold, both in
    the scale that was compared; None where there was nothing to compare."""

    outcome: str
    reasons: tuple[str, ...]
    above_accept: float | None


@dataclass(frozen=True, slots=True)
class Spread:
    """Quantiles of what was measured; `count` is of how many."""

    count: int
    p05: float
    p50: float
    p95: float


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """`verdicts` by check-in id, the live one first. `undecided` have no row of revision 0 yet, and are not compared;
    `passed_over` were heard and not asked about: no face, another field invalid, or not in the sample."""

    snapshot: str
    serving: str | None
    verdicts: dict[str, tuple[Judged, Judged]]
    undecided: int
    passed_over: int

    @property
    def compared(self) -> int:
        """Check-ins that both have decided."""
        return len(self.verdicts)

    @property
    def changed(self) -> int:
        """Those whose outcome is another."""
        return len(self.flips())

    def flips(self) -> dict[str, tuple[Judged, Judged]]:
        """Those whose outcome is another, by id."""
        return {one: pair for one, pair in self.verdicts.items() if pair[0].outcome != pair[1].outcome}

    def table(self) -> Counter[tuple[str, str]]:
        """How often which live outcome met which outcome of the candidate."""
        return Counter((live.outcome, shadow.outcome) for live, shadow in self.verdicts.values())

    def why(self) -> Counter[tuple[str, str]]:
        """Of the changed ones: the reason that was first, and the one that would be."""
        return Counter((_first(live), _first(shadow)) for live, shadow in self.flips().values())

    def shift(self) -> dict[str, Spread | None]:
        """How far above the accept threshold the same check-ins lie: live, by the candidate, and the difference. Scores
        of two spaces are not comparable, their distances from a threshold at the same rate are roughly."""
        pairs = [
            (live.above_accept, shadow.above_accept)
            for live, shadow in self.verdicts.values()
            if live.above_accept is not None and shadow.above_accept is not None
        ]
        return {
            "live": _spread([live for live, _ in pairs]),
            "shadow": _spread([shadow for _, shadow in pairs]),
            "difference": _spread([shadow - live for live, shadow in pairs]),
        }

    def document(self) -> dict[str, object]:
        """For machines; ids of check-ins and nothing else of a person."""
        return {
            "snapshot": self.snapshot,
            "serving": self.serving,
            "compared": self.compared,
            "changed": self.changed,
            "agreement": 1 - self.changed / self.compared if self.compared else None,
            "undecided": self.undecided,
            "passed_over": self.passed_over,
            "outcomes": [
                {"live": live, "shadow": shadow, "count": n} for (live, shadow), n in sorted(self.table().items())
            ],
            "reasons_of_changed": [
                {"live": live, "shadow": shadow, "count": n} for (live, shadow), n in self.why().most_common()
            ],
            "above_accept": {name: None if one is None else _plain(one) for name, one in self.shift().items()},
            "changed_check_ins": [
                {"id": one, "live": _told(live), "shadow": _told(shadow)}
                for one, (live, shadow) in sorted(self.flips().items())
            ],
        }


def _first(judged: Judged) -> str:
    return judged.reasons[0] if judged.reasons else ""


def _spread(values: Sequence[float]) -> Spread | None:
    if not values:
        return None
    p05, p50, p95 = np.percentile(np.asarray(values), [5, 50, 95])
    return Spread(len(values), float(p05), float(p50), float(p95))


def _plain(spread: Spread) -> dict[str, object]:
    return {"count": spread.count, "p05": spread.p05, "p50": spread.p50, "p95": spread.p95}


def _told(judged: Judged) -> dict[str, object]:
    return {"outcome": judged.outcome, "reasons": list(judged.reasons)}
