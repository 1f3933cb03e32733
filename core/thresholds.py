"""Rates to similarities: one threshold per cell (probe photos, template photos), never extrapolated."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from hadir.core.errors import CalibrationError
from hadir.core.evidence import AppliedThreshold, Candidate, Scale

__all__ = ["CELLS", "MOST", "RATES", "ThresholdTable", "Thresholds", "cell_of", "rate_key"]

RATES = ("1e-1", "5e-2", "2e-2", "1e-2", "5e-3", "2e-3", "1e-3", "5e-4", "2e-4", "1e-4", "5e-5", "2e-5", "1e-5", "1e-6")
"""The false match rates that tables hold; a policy names one of them."""

_KEYS = {float(key): key for key in RATES}

MOST = 4
"""Cells end at "four or more" on either side."""

CELLS = tuple(f"{p}/{k}" for p in range(1, MOST + 1) for k in range(1, MOST + 1))


def cell_of(probe_photos: int, template_photos: int) -> str:
    """The cell `p/k` of a comparison; four stands for four or more. Raises ValueError below one."""
    if probe_photos < 1 or template_photos < 1:
        raise ValueError(f"a comparison of {probe_photos} against {template_photos} photos does not exist")
    return f"{min(probe_photos, MOST)}/{min(template_photos, MOST)}"


def rate_key(fmr: float) -> str:
    """The table's key for a rate. Raises CalibrationError, naming the nearest, where tables do not hold it."""
    if fmr in _KEYS:
        return _KEYS[fmr]
    nearest = min(RATES, key=lambda key: abs(float(key) - fmr))
    raise CalibrationError(
        f"rate {fmr:g} is not one that tables hold; the nearest is {nearest}, all are {', '.join(RATES)}"
    )


@dataclass(frozen=True, slots=True)
class ThresholdTable:
    """`similarity[rate][cell]` is a cosine (or a z, in a table of normalised scores), or None: not enough data (fewer
    than 30/FMR comparisons)."""

    similarity: Mapping[str, Mapping[str, float | None]]

    def get(self, rate: str, cell: str) -> float | None:
        """The cell's threshold at this rate, None where it is not supported."""
        return self.similarity.get(rate, {}).get(cell)

    def highest(self, rate: str) -> float | None:
        """The highest supported threshold of any cell at this rate."""
        return max((t for t in self.similarity.get(rate, {}).values() if t is not None), default=None)


class Thresholds:
    """The snapshot's own table first, then the pack's cell, then the pack's highest cell, then nothing.

    `normalised` is the snapshot's table of z, None where it does not normalise. A z belongs to the gallery that it was
    measured in, so no pack can stand in for it: where it has no figure, the cosine serves.
    """

    def __init__(
        self, snapshot: ThresholdTable, pack: ThresholdTable, normalised: ThresholdTable | None = None
    ) -> None:
        self._snapshot = snapshot
        self._pack = pack
        self._normalised = normalised
        self._known: dict[tuple[float, str, Scale], AppliedThreshold] = {}

    def at(self, fmr: float, probe_photos: int, template_photos: int, scale: Scale = "cosine") -> AppliedThreshold:
        """The threshold that serves for this rate and cell, and its source; `similarity` None where nothing does.

        Raises:
            CalibrationError: the rate is not one that tables hold.
        """
        key = (fmr, cell_of(probe_photos, template_photos), scale)
        if key not in self._known:
            self._known[key] = self._look_up(*key)
        return self._known[key]

    def scale(self, fmr: float, probe_photos: int, other: Candidate) -> Scale:
        """What a comparison is judged in: z where it has one and the snapshot's table supports `fmr` for it.

        Ask with the strictest rate that will be applied to this comparison: what supports that, supports the others.
        """
        if other.normalised is None or self._normalised is None or not math.isfinite(other.normalised):
            return "cosine"
        return "cosine" if self.at(fmr, probe_photos, other.photos, "as-norm").similarity is None else "as-norm"

    def _look_up(self, fmr: float, cell: str, scale: Scale) -> AppliedThreshold:
        rate = rate_key(fmr)
        if scale == "as-norm":
            z = None if self._normalised is None else self._normalised.get(rate, cell)
            return AppliedThreshold(fmr, cell, z, "none" if z is None else "snapshot", scale)
        for source, value in (
            ("snapshot", self._snapshot.get(rate, cell)),
            ("pack", self._pack.get(rate, cell)),
            ("pack:highest", self._pack.highest(rate)),
        ):
            if value is not None:
                return AppliedThreshold(fmr, cell, value, source)
        return AppliedThreshold(fmr, cell, None, "none")

    def require(self, fmr: float, name: str) -> None:
        """Raise CalibrationError, naming the rate, where no cell at all supports it."""
        if self.at(fmr, 1, 1).similarity is None:
            raise CalibrationError(
                f"{name} = {fmr:g} is supported by neither the snapshot nor the pack: choose a higher rate, "
                "calibrate on a larger gallery, or use a stronger pack"
            )
