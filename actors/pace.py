"""When a worker counts as far slower than its peers: a pure measure, without clocks."""

from __future__ import annotations

from collections import deque
from statistics import median

__all__ = ["LATE_FACTOR", "LATE_FLOOR_S", "LEAST_SAMPLES", "Pace"]

LATE_FACTOR = 8.0
"""Times what the others take. A choice between two errors: cores shared with an intake, a broker and a database stretch
single batches two- or threefold; a core throttled to a tenth, or a process that swaps, takes ten times and more."""
LATE_FLOOR_S = 2.0
"""Below this nobody is called late: replacing a worker costs one to two seconds of a core."""
LEAST_SAMPLES = 5
_RECENT = 64


class Pace:
    """How long calls of all seats took lately, per photo."""

    def __init__(self, floor_s: float = LATE_FLOOR_S) -> None:
        self._floor_s = floor_s
        self._recent: deque[tuple[int, float]] = deque(maxlen=_RECENT)

    def took(self, seat: int, photos: int, seconds: float) -> None:
        """A call came back; `photos` and `seconds` include what was before it in the worker's queue."""
        self._recent.append((seat, seconds / max(1, photos)))

    def limit_s(self, seat: int, photos: int) -> float | None:
        """After how long a call with so many photos is late, by what the *other* seats took for theirs; None while too
        little is known of them."""
        others = [each_s for other, each_s in self._recent if other != seat]
        if len(others) < LEAST_SAMPLES:
            return None
        return max(self._floor_s, LATE_FACTOR * median(others) * photos)
