"""When a unit works, dated: which shift's window is open at a time, and how late or early that is.

Read from `unit,code,weekdays,in_opens,starts,in_closes,out_opens,ends,out_closes[,valid_from,valid_until]`.

- A shift is (unit, local date of its start, code), written `unit/2026-01-31/code`; its clock is the unit's.
- Times are HH:MM counted from the local midnight of that date, as in GTFS: 30:00 is 06:00 the next morning, up to
  47:59. Only `in_opens` may lie before midnight: -00:30 is half past eleven the evening before. Seconds of :00, as
  spreadsheets append them, are accepted.
- `weekdays` are days or ranges, by English or Indonesian names, separated by blanks: `mon-thu`, `sen-kam sab`.
- A written minute holds to its end: a start of 07:30 is met at 07:30:59, and a window that closes at 10:00 closes when
  10:00 turns to 10:01. Likewise `minutes` are whole minutes, rounded down, late (`in`) or early (`out`).
- Where several windows are open, the shift with the nearest start (`in`) or end (`out`) wins; of two equally near the
  one that is kinder to the person (fewer minutes late or early), then the earlier date, then the smaller code.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path

from hadir.attendance.csv_table import Complaints, Numbered, Row, read_table
from hadir.attendance.period import ALWAYS, Period
from hadir.attendance.units import Unit, Units
from hadir.core.check_in import Direction
from hadir.core.errors import ConfigError
from hadir.core.evidence import ShiftWindow

__all__ = ["Shift", "Shifts", "Window", "day_of"]

_TIMES = ("in_opens", "starts", "in_closes", "out_opens", "ends", "out_closes")
_COLUMNS = ("unit", "code", "weekdays", *_TIMES)
_OPTIONAL = ("valid_from", "valid_until")

_TIME = re.compile(r"(-?)([0-9]{1,2}):([0-5][0-9])(:00)?")
_EARLIEST_MINUTE, _LATEST_MINUTE = -24 * 60, 48 * 60 - 1
_NEIGHBOURS = tuple(timedelta(days=days) for days in (-1, 0, 1))
"""Which dates' shifts can be open now, by the limits above."""

_A_WEEK_AND_A_DAY = 8

_DAY_NAMES: Mapping[str, int] = {
    name: number
    for number, names in enumerate(
        (
            "mon monday sen senin",
            "tue tuesday sel selasa",
            "wed wednesday rab rabu",
            "thu thursday kam kamis",
            "fri friday jum jumat",
            "sat saturday sab sabtu",
            "sun sunday min minggu",
        )
    )
    for name in names.split()
}


@dataclass(frozen=True, slots=True)
class Window:
    """One direction of a shift, in minutes from the local midnight of its date; `due` is its start or its end."""

    opens: int
    due: int
    closes: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A shift that recurs on some weekdays (0 is Monday) for a while."""

    unit: str
    code: str
    weekdays: frozenset[int]
    into: Window
    out: Window
    period: Period = ALWAYS

    def window(self, direction: Direction) -> Window:
        """The window of one direction."""
        return self.into if direction is Direction.IN else self.out

    def runs_on(self, day: date) -> bool:
        """Whether a shift of this kind starts on `day`."""
        return day.weekday() in self.weekdays and self.period.covers(day)


class Shifts:
    """All units and their shifts. Immutable after construction, safe to share between threads."""

    def __init__(self, units: Units, shifts: Iterable[Shift]) -> None:
        self.units = units
        self._by_unit: dict[str, list[Shift]] = {}
        for shift in shifts:
            self._by_unit.setdefault(shift.unit, []).append(shift)

    @classmethod
    def load(cls, units_path: Path, shifts_path: Path) -> Shifts:
        """Read both files.

        Raises:
            ConfigError: a row is bad, names an unknown unit, or describes a shift that another row describes too.
        """
        units = Units.load(units_path)
        return cls(
            units, read_table(shifts_path, _COLUMNS, _OPTIONAL, lambda row: _shift(row, units), _each_shift_once)
        )

    def open_window(self, unit: str, direction: Direction, at_ms: int, within: Period = ALWAYS) -> ShiftWindow | None:
        """The shift of `unit`, starting on a date `within`, whose window for this direction is open at a UTC time."""
        best = min(self._open(unit, direction, self.units.local(unit, at_ms), within), default=None)
        if best is None:
            return None
        _, minutes, day, code = best
        return ShiftWindow(f"{unit}/{day.isoformat()}/{code}", minutes)

    def fallback_key(self, unit: str, at_ms: int) -> str:
        """What stands in place of a shift when none is open: `unit/2026-01-31/`, by the unit's local date."""
        return f"{unit}/{self.units.local_day(unit, at_ms).isoformat()}/"

    def next_start_ms(self, after_ms: int) -> int | None:
        """When the next shift of any unit starts, UTC: the earliest start that is later than a UTC time; None where
        none starts within eight local days."""
        starts = (
            round((midnight + timedelta(minutes=shift.into.due)).timestamp() * 1000)
            for unit in self.units
            for shift in self._by_unit.get(unit.id, ())
            for midnight in _midnights(unit, self.units.local_day(unit.id, after_ms))
            if shift.runs_on(midnight.date())
        )
        return min((start for start in starts if start > after_ms), default=None)

    def _open(
        self, unit: str, direction: Direction, local: datetime, within: Period
    ) -> Iterator[tuple[int, int, date, str]]:
        """Every open window as (seconds to its due time, minutes late or early, date, code): the smallest wins."""
        for day in (local.date() + step for step in _NEIGHBOURS):
            if not within.covers(day):
                continue
            seconds = _seconds_since(day, local)
            for shift in self._by_unit.get(unit, ()):
                window = shift.window(direction)
                if shift.runs_on(day) and window.opens <= seconds // 60 <= window.closes:
                    late_s = seconds - window.due * 60
                    off_s = late_s if direction is Direction.IN else -late_s
                    yield abs(late_s), max(0, off_s) // 60, day, shift.code


def _midnights(unit: Unit, first: date) -> Iterator[datetime]:
    """The unit's next midnights; what is added to them is counted on its wall clock."""
    for days in range(_A_WEEK_AND_A_DAY):
        yield datetime.combine(first + timedelta(days=days), time.min, unit.zone)


def day_of(key: str) -> date:
    """The local date in a shift key or a fallback key."""
    return date.fromisoformat(key.split("/")[1])


def _seconds_since(day: date, local: datetime) -> int:
    since = local - datetime.combine(day, time.min)
    return since.days * 86_400 + since.seconds


def _shift(row: Row, units: Units) -> Shift:
    unit = row.identifier("unit")
    if unit not in units:
        raise row.bad("unit", "one of the units file")
    minutes = {column: _minutes(row, column) for column in _TIMES}
    _ascending(minutes, "in_opens", "starts", "in_closes")
    _ascending(minutes, "out_opens", "ends", "out_closes")
    if minutes["starts"] >= minutes["ends"]:
        raise ConfigError("column ends is not after starts: write an end after midnight as 30:00 for 06:00")
    return Shift(
        unit=unit,
        code=row.identifier("code"),
        weekdays=_weekdays(row),
        into=Window(minutes["in_opens"], minutes["starts"], minutes["in_closes"]),
        out=Window(minutes["out_opens"], minutes["ends"], minutes["out_closes"]),
        period=row.period(),
    )


def _minutes(row: Row, column: str) -> int:
    if match := _TIME.fullmatch(row.get(column)):
        minutes = (int(match[2]) * 60 + int(match[3])) * (-1 if match[1] else 1)
        earliest = _EARLIEST_MINUTE if column == "in_opens" else 0
        latest = 24 * 60 - 1 if column == "starts" else _LATEST_MINUTE
        if earliest <= minutes <= latest:
            return minutes
    if column == "starts":
        raise row.bad(column, "a time of its own date, from 00:00 to 23:59")
    raise row.bad(column, "a time such as 07:30, or 30:00 for 06:00 on the next day, up to 47:59")


def _ascending(minutes: Mapping[str, int], opens: str, due: str, closes: str) -> None:
    if not minutes[opens] <= minutes[due] <= minutes[closes]:
        raise ConfigError(f"columns {opens}, {due}, {closes} do not ascend: a window holds its {due} between both ends")


def _weekdays(row: Row) -> frozenset[int]:
    days: set[int] = set()
    for part in row.get("weekdays").lower().split():
        first, _, last = part.partition("-")
        if first not in _DAY_NAMES or (last or first) not in _DAY_NAMES or part.endswith("-"):
            raise row.bad("weekdays", "days such as 'mon-thu sat' or 'sen-kam sab'")
        start, length = _DAY_NAMES[first], (_DAY_NAMES[last or first] - _DAY_NAMES[first]) % 7
        days.update((start + step) % 7 for step in range(length + 1))
    if not days:
        raise row.bad("weekdays", "days such as 'mon-thu sat' or 'sen-kam sab'")
    return frozenset(days)


def _each_shift_once(rows: Sequence[Numbered[Shift]], complaints: Complaints) -> None:
    seen: dict[tuple[str, str], list[Numbered[Shift]]] = {}
    for line, shift in rows:
        earlier = seen.setdefault((shift.unit, shift.code), [])
        if clash := next((n for n, other in earlier if _clash(shift, other)), None):
            complaints.add(
                line, f"column code is {shift.code!r}, which line {clash} has on some of these dates already"
            )
        earlier.append((line, shift))


def _clash(one: Shift, other: Shift) -> bool:
    return bool(one.weekdays & other.weekdays) and one.period.overlaps(other.period)
