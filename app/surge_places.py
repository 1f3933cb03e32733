"""Where the people of a site may sign, and whether they may now: by the site's own files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from hadir.attendance.roster import Roster
from hadir.attendance.shifts import Shifts
from hadir.attendance.sites import Site, Sites
from hadir.core.check_in import Direction, Fix
from hadir.core.settings import Settings

__all__ = ["SigningPlace", "SigningPlaces"]

_ACCURACY_M = 8.0
_METRES_PER_DEGREE = 111_195.0
"""One degree of latitude on a sphere of 6,371 km."""

_FURTHEST_DEG = 89.9


@dataclass(frozen=True, slots=True)
class SigningPlace:
    """`here` is at one of a person's sites, `away` outside of all of them. `on_shift` says whether a window to come in
    is open, None where that changes meanwhile."""

    here: Fix
    away: Fix
    on_shift: bool | None


class SigningPlaces:
    """Of everybody, for a stretch of time."""

    def __init__(self, settings: Settings, span_ms: tuple[int, int]) -> None:
        """`span_ms` is UTC, first and last. Raises ConfigError where a file cannot be used."""
        files = settings.attendance
        self._roster = Roster.load(Path(files.roster))
        self._sites = Sites.load(Path(files.sites), Path(files.placements))
        self._shifts = Shifts.load(Path(files.units), Path(files.shifts))
        self._span_ms = span_ms

    def of(self, person: str) -> SigningPlace | None:
        """None for somebody without a unit or a site then."""
        at_ms = self._span_ms[0]
        units = {one.unit for one in self._roster.memberships(person)}
        for unit in sorted(units):
            day = self._shifts.units.local_day(unit, at_ms)
            sites = self._sites.of(person, unit, day)
            if self._roster.unit(person, day) == unit and sites:
                here = Fix(sites[0].latitude_deg, sites[0].longitude_deg, _ACCURACY_M, mock=False)
                return SigningPlace(here, _away_from(sites), self._on_shift(unit))
        return None

    def _on_shift(self, unit: str) -> bool | None:
        # A minute on either side: the broker's clock decides, and it may differ from ours.
        start_ms, end_ms = self._span_ms[0] - 60_000, self._span_ms[1] + 60_000
        steps = [*range(start_ms, end_ms, 60_000), end_ms]
        seen = {self._shifts.open_window(unit, Direction.IN, at_ms) is not None for at_ms in steps}
        return seen.pop() if len(seen) == 1 else None


def _away_from(sites: Iterable[Site]) -> Fix:
    """Further north than any of the sites reaches, by a kilometre and more."""
    sites = tuple(sites)
    north = max(site.latitude_deg + site.radius_m / _METRES_PER_DEGREE for site in sites)
    return Fix(min(_FURTHEST_DEG, north + 1_500 / _METRES_PER_DEGREE), sites[0].longitude_deg, _ACCURACY_M, mock=False)
