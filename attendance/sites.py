"""Where people may check in: sites (circles) and placements (whose they are, dated).

Sites are read from `site,name,latitude_deg,longitude_deg,radius_m`, placements from
`person,unit,site,valid_from,valid_until` with either person or unit filled. A person may check in at every site of
their unit and at every site of their own: a duty elsewhere adds a place, it never takes the office away.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from hadir.attendance.csv_table import Complaints, Numbered, Row, read_table
from hadir.attendance.period import ALWAYS, Period
from hadir.core.errors import ConfigError

__all__ = ["Placement", "Site", "Sites"]

_SITE_COLUMNS = ("site", "name", "latitude_deg", "longitude_deg", "radius_m")
_PLACEMENT_COLUMNS = ("person", "unit", "site")
_PLACEMENT_OPTIONAL = ("valid_from", "valid_until")

SMALLEST_RADIUS_M = 5.0
LARGEST_RADIUS_M = 5_000.0
"""Offices and schools use 15 to 500 m; a fence of many kilometres is a slip of the decimal comma."""


@dataclass(frozen=True, slots=True)
class Site:
    """A circle on the ground, WGS 84."""

    id: str
    name: str
    latitude_deg: float
    longitude_deg: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Placement:
    """A site of one person, or of everybody in one unit: exactly one of the two is filled."""

    site: str
    person: str | None = None
    unit: str | None = None
    period: Period = ALWAYS


class Sites:
    """All sites and placements. Immutable after construction, safe to share between threads."""

    def __init__(self, sites: Iterable[Site], placements: Iterable[Placement]) -> None:
        self._sites = {site.id: site for site in sites}
        self._of_person: dict[str, list[Placement]] = {}
        self._of_unit: dict[str, list[Placement]] = {}
        for one in placements:
            if one.person is not None:
                self._of_person.setdefault(one.person, []).append(one)
            elif one.unit is not None:
                self._of_unit.setdefault(one.unit, []).append(one)

    @classmethod
    def load(cls, sites_path: Path, placements_path: Path) -> Sites:
        """Read both files.

        Raises:
            ConfigError: a row is bad, a site stands twice, or a placement names a site that does not exist.
        """
        sites = read_table(sites_path, _SITE_COLUMNS, (), _site, _each_site_once)
        known = {site.id: site for site in sites}
        placements = read_table(
            placements_path,
            _PLACEMENT_COLUMNS,
            _PLACEMENT_OPTIONAL,
            lambda row: _placement(row, known),
            lambda _rows, _complaints: None,
        )
        return cls(sites, placements)

    @property
    def persons(self) -> frozenset[str]:
        """Everybody with a placement of their own."""
        return frozenset(self._of_person)

    @property
    def units(self) -> frozenset[str]:
        """Every unit with a placement."""
        return frozenset(self._of_unit)

    def of(self, person: str, unit: str, day: date) -> tuple[Site, ...]:
        """Where this person, of this unit, may check in on a local date; sorted by id, each once."""
        placements = (*self._of_person.get(person, ()), *self._of_unit.get(unit, ()))
        ids = {one.site for one in placements if one.period.covers(day)}
        return tuple(self._sites[site] for site in sorted(ids))


def _site(row: Row) -> Site:
    return Site(
        id=row.identifier("site"),
        name=row.title("name"),
        latitude_deg=row.number("latitude_deg", -90, 90),
        longitude_deg=row.number("longitude_deg", -180, 180),
        radius_m=row.number("radius_m", SMALLEST_RADIUS_M, LARGEST_RADIUS_M),
    )


def _each_site_once(rows: Sequence[Numbered[Site]], complaints: Complaints) -> None:
    first: dict[str, int] = {}
    for line, site in rows:
        if first.setdefault(site.id, line) != line:
            complaints.add(line, f"column site is '{site.id}', which line {first[site.id]} already describes")


def _placement(row: Row, sites: Mapping[str, Site]) -> Placement:
    if bool(row.get("person")) == bool(row.get("unit")):
        raise ConfigError("columns person and unit are both filled or both empty, expected exactly one")
    site = row.identifier("site")
    if site not in sites:
        raise row.bad("site", "one of the sites file")
    return Placement(
        site=site,
        person=row.identifier("person") if row.get("person") else None,
        unit=row.identifier("unit") if row.get("unit") else None,
        period=row.period(),
    )
