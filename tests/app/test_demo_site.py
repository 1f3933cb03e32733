"""The demo's regency is a legal site at any minute of any day, and its units are as late as was promised."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.app.demo_people import FEWEST_PEOPLE
from hadir.app.demo_site import assign_units, write_site
from hadir.app.scenarios import UNITS
from hadir.attendance.assemble import Assembler
from hadir.attendance.policy import Policy
from hadir.attendance.roster import Roster
from hadir.attendance.shifts import Shifts
from hadir.attendance.sites import Sites
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.check_in import Direction

PEOPLE = [f"P{number:05d}" for number in range(1, 9)]
ON_TIME, LATE, NO_SHIFT = UNITS
LONGEST_DEMO_MIN = 10

moments = st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - naive bounds


def shifts_at(folder: Path, now_ms: int) -> Shifts:
    write_site(folder, assign_units(PEOPLE), now_ms, seed=1)
    return Shifts.load(folder / "units.csv", folder / "shifts.csv")


def assert_as_promised(shifts: Shifts, at_ms: int, minutes: int) -> None:
    """`minutes` after the demo began."""
    windows = {
        (unit, way): shifts.open_window(unit, way, at_ms) for unit in UNITS for way in (Direction.IN, Direction.OUT)
    }
    late = {key: window.minutes for key, window in windows.items() if window is not None}
    assert late == {
        (ON_TIME, Direction.IN): 0,
        (ON_TIME, Direction.OUT): 0,
        (LATE, Direction.IN): 12 + minutes,
        (LATE, Direction.OUT): pytest.approx(60 - minutes, abs=1),
    }


@settings(max_examples=50, deadline=None)
@given(moment=moments, minutes=st.integers(0, LONGEST_DEMO_MIN))
def test_at_any_minute_the_units_are_on_time_late_and_without_a_shift(moment: datetime, minutes: int) -> None:
    now_ms = round(moment.timestamp() * 1000)
    at_ms = now_ms + minutes * 60_000
    with TemporaryDirectory() as folder:
        shifts = shifts_at(Path(folder), now_ms)
    assert_as_promised(shifts, at_ms, minutes)


def test_no_minute_of_the_day_is_left_out(tmp_path: Path) -> None:
    midnight_ms = round(datetime(2026, 11, 2, tzinfo=UTC).timestamp() * 1000)
    for minute in range(24 * 60):
        now_ms = midnight_ms + minute * 60_000
        assert_as_promised(shifts_at(tmp_path, now_ms), now_ms, minutes=0)


@pytest.mark.parametrize("hour", range(24))
def test_the_files_fit_each_other_at_every_hour(tmp_path: Path, hour: int) -> None:
    now_ms = round(datetime(2026, 11, 2, hour, 59, 30, tzinfo=UTC).timestamp() * 1000)
    shifts = shifts_at(tmp_path, now_ms)
    roster = Roster.load(tmp_path / "roster.csv")
    sites = Sites.load(tmp_path / "sites.csv", tmp_path / "placements.csv")
    policy = Policy("test", "1", date(2026, 1, 1))
    Assembler(roster, sites, shifts, policy, Yardsticks(policy))
    assert len(roster) == len(PEOPLE)


@pytest.mark.parametrize("count", range(FEWEST_PEOPLE - 1, 9))
def test_every_unit_has_somebody(count: int) -> None:
    units = assign_units(PEOPLE[:count])
    assert list(units) == PEOPLE[:count]
    assert set(units.values()) == set(UNITS)


def test_one_seed_writes_the_same_roster_whose_numbers_belong_to_nobody(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_site(tmp_path / name, assign_units(PEOPLE), 1_790_000_000_000, seed=4)
    one = (tmp_path / "one" / "roster.csv").read_text(encoding="utf-8")
    assert one == (tmp_path / "two" / "roster.csv").read_text(encoding="utf-8")
    for line in one.splitlines()[1:]:
        assert int(line.split(",")[1][:4]) < 1930, "nobody born then is on a payroll"
