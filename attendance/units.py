"""Units and their time zones, read from `unit,name,time_zone` (IANA names: Asia/Jakarta, Asia/Makassar, ...)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hadir.attendance.csv_table import Complaints, Numbered, Row, read_table

__all__ = ["Unit", "Units"]

_COLUMNS = ("unit", "name", "time_zone")
_LATEST_MS = int(datetime(9999, 1, 1, tzinfo=UTC).timestamp() * 1000)


@dataclass(frozen=True, slots=True)
class Unit:
    """An office, school or clinic, and whose clocks it lives by."""

    id: str
    name: str
    zone: ZoneInfo


class Units:
    """All units. Immutable after construction, safe to share between threads."""

    def __init__(self, units: Iterable[Unit]) -> None:
        self._by_id = {unit.id: unit for unit in units}

    @classmethod
    def load(cls, path: Path) -> Units:
        """Read the units. Raises ConfigError on a bad row, an unknown time zone, or a unit that stands twice."""
        return cls(read_table(path, _COLUMNS, (), _unit, _each_unit_once))

    def __contains__(self, unit: str) -> bool:
        return unit in self._by_id

    def __iter__(self) -> Iterator[Unit]:
        return iter(self._by_id.values())

    def local(self, unit: str, at_ms: int) -> datetime:
        """The unit's wall clock at a UTC time, to the second (rounded down), without tzinfo.

        Times before 1970 or after 9998 are taken as those limits: they come from broken clocks and find no shift.
        """
        seconds = min(max(at_ms, 0), _LATEST_MS) // 1000
        return datetime.fromtimestamp(seconds, self._by_id[unit].zone).replace(tzinfo=None)

    def local_day(self, unit: str, at_ms: int) -> date:
        """The unit's local date at a UTC time."""
        return self.local(unit, at_ms).date()


def _unit(row: Row) -> Unit:
    return Unit(row.identifier("unit"), row.title("name"), _zone(row))


def _zone(row: Row) -> ZoneInfo:
    try:
        return ZoneInfo(row.get("time_zone"))
    except (OSError, ValueError, KeyError):
        raise row.bad("time_zone", "an IANA name such as Asia/Jakarta, Asia/Makassar or Asia/Jayapura") from None


def _each_unit_once(rows: Sequence[Numbered[Unit]], complaints: Complaints) -> None:
    first: dict[str, int] = {}
    for line, unit in rows:
        if first.setdefault(unit.id, line) != line:
            complaints.add(line, f"column unit is '{unit.id}', which line {first[unit.id]} already describes")
