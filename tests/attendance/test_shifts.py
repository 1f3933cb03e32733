"""Which window is open, and how late or early that is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.period import Period
from hadir.attendance.shifts import Shifts, day_of
from hadir.core.check_in import Direction
from hadir.core.errors import ConfigError
from hadir.core.evidence import ShiftWindow

HEADER = "unit,code,weekdays,in_opens,starts,in_closes,out_opens,ends,out_closes,valid_from,valid_until\n"
UNITS = "unit,name,time_zone\nu,Unit,Asia/Jakarta\ne,East,Asia/Jayapura\nb,Berlin,Europe/Berlin\n"
DAY = "u,day,mon-fri,06:00,07:30,10:00,14:00,16:00,20:00,,\n"
NIGHT = "u,night,sen-min,20:00,21:00,22:30,30:30,31:00,32:30,,\n"

Load = Callable[..., Shifts]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def loaded(*rows: str) -> Shifts:
        (tmp_path / "units.csv").write_text(UNITS)
        (tmp_path / "shifts.csv").write_text(HEADER + "".join(rows))
        return Shifts.load(tmp_path / "units.csv", tmp_path / "shifts.csv")

    return loaded


def at(text: str, zone: str = "Asia/Jakarta") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


@pytest.mark.parametrize(
    ("direction", "clock", "minutes"),
    [
        ("in", "05:59:59", None),
        ("in", "06:00:00", 0),
        ("in", "07:30:59.999", 0),
        ("in", "07:31:00", 1),
        ("in", "07:31:59", 1),
        ("in", "10:00:59", 150),
        ("in", "10:01:00", None),
        ("out", "13:59:59", None),
        ("out", "14:00:00", 120),
        ("out", "15:58:59", 1),
        ("out", "15:59:00", 1),
        ("out", "15:59:01", 0),
        ("out", "16:00:00", 0),
        ("out", "20:00:59", 0),
        ("out", "20:01:00", None),
    ],
)
def test_whole_minutes_are_rounded_down_and_a_written_minute_holds_to_its_end(
    load: Load, direction: str, clock: str, minutes: int | None
) -> None:
    window = load(DAY).open_window("u", Direction(direction), at(f"2026-11-24T{clock}"))
    assert window == (None if minutes is None else ShiftWindow("u/2026-11-24/day", minutes))


@pytest.mark.parametrize(
    ("direction", "moment", "window"),
    [
        ("in", "2026-11-24T22:10", ShiftWindow("u/2026-11-24/night", 70)),
        ("in", "2026-11-25T00:10", None),
        ("out", "2026-11-25T06:45", ShiftWindow("u/2026-11-24/night", 15)),
        ("out", "2026-11-25T08:30", ShiftWindow("u/2026-11-24/night", 0)),
        ("out", "2026-11-25T05:00", None),
    ],
)
def test_a_night_shift_belongs_to_the_day_it_began(
    load: Load, direction: str, moment: str, window: ShiftWindow | None
) -> None:
    assert load(NIGHT).open_window("u", Direction(direction), at(moment)) == window


def test_a_window_may_open_before_midnight(load: Load) -> None:
    shifts = load("u,early,wed,-00:30,00:15,01:00,07:00,08:00,09:00,,\n")
    assert shifts.open_window("u", Direction.IN, at("2026-11-24T23:30")) == ShiftWindow("u/2026-11-25/early", 0)
    assert shifts.open_window("u", Direction.IN, at("2026-11-24T23:29:59")) is None


def test_the_clock_is_the_units(load: Load) -> None:
    shifts = load(DAY, DAY.replace("u,", "e,", 1))
    moment = at("2026-11-24T06:00")
    assert shifts.open_window("u", Direction.IN, moment) == ShiftWindow("u/2026-11-24/day", 0)
    assert shifts.open_window("e", Direction.IN, moment) == ShiftWindow("e/2026-11-24/day", 30)


def test_hours_follow_the_wall_clock_through_daylight_saving(load: Load) -> None:
    shifts = load("b,day,mon-sun,06:00,07:30,10:00,14:00,16:00,20:00,,\n")
    for day in ("2026-03-28", "2026-03-29", "2026-03-30"):
        assert shifts.open_window("b", Direction.IN, at(f"{day}T07:40", "Europe/Berlin")) == ShiftWindow(
            f"b/{day}/day", 10
        )


def test_no_window_is_open_on_other_weekdays_or_for_other_units(load: Load) -> None:
    shifts = load(DAY)
    assert shifts.open_window("u", Direction.IN, at("2026-11-28T07:00")) is None
    assert shifts.open_window("e", Direction.IN, at("2026-11-24T07:00", "Asia/Jayapura")) is None


def test_dated_hours_change_on_their_day(load: Load) -> None:
    shifts = load(
        "u,day,mon-fri,06:00,07:30,10:00,14:00,16:00,20:00,,2026-11-23\n",
        "u,day,mon-fri,06:00,08:00,10:00,14:00,16:00,20:00,2026-11-24,\n",
    )
    minutes = [shifts.open_window("u", Direction.IN, at(f"2026-11-{day}T08:00")) for day in (23, 24)]
    assert minutes == [ShiftWindow("u/2026-11-23/day", 30), ShiftWindow("u/2026-11-24/day", 0)]


def test_only_shifts_that_begin_within_the_period_count(load: Load) -> None:
    shifts, morning = load(NIGHT), at("2026-11-25T07:00")
    until = Period(last=date(2026, 11, 24))
    assert shifts.open_window("u", Direction.OUT, morning, until) == ShiftWindow("u/2026-11-24/night", 0)
    assert shifts.open_window("u", Direction.OUT, morning, Period(first=date(2026, 11, 25))) is None


@pytest.mark.parametrize(
    ("clock", "key", "minutes"),
    [("09:59", "a", 119), ("10:01", "b", 0), ("10:00", "b", 0)],
)
def test_of_overlapping_windows_the_nearest_start_wins_and_a_tie_goes_to_the_kinder(
    load: Load, clock: str, key: str, minutes: int
) -> None:
    shifts = load(
        "u,a,mon-fri,06:00,08:00,11:00,13:00,14:00,15:00,,\n",
        "u,b,mon-fri,09:00,12:00,13:00,18:00,19:00,20:00,,\n",
    )
    window = shifts.open_window("u", Direction.IN, at(f"2026-11-24T{clock}"))
    assert window == ShiftWindow(f"u/2026-11-24/{key}", minutes)


def test_the_fallback_names_unit_and_local_date(load: Load) -> None:
    key = load(DAY).fallback_key("u", at("2026-11-24T23:59"))
    assert key == "u/2026-11-24/"
    assert day_of(key) == day_of("u/2026-11-24/day") == date(2026, 11, 24)


@pytest.mark.parametrize(
    ("weekdays", "days"),
    [
        ("mon-fri", "01234"),
        ("sen-jum", "01234"),
        ("Senin-Kamis sab", "01235"),
        ("fri-mon", "0456"),
        ("min", "6"),
        ("sat,sun", None),
        ("mon-", None),
        ("-mon", None),
        ("xyz", None),
        ("", None),
    ],
)
def test_weekdays_are_read_in_english_and_indonesian(load: Load, weekdays: str, days: str | None) -> None:
    row = f'u,day,"{weekdays}",06:00,07:30,10:00,14:00,16:00,20:00,,\n'
    if days is None:
        with pytest.raises(ConfigError, match="column weekdays is"):
            load(row)
        return
    shifts = load(row)
    monday = at("2026-11-23T07:00")
    found = [n for n in range(7) if shifts.open_window("u", Direction.IN, monday + n * 86_400_000)]
    assert "".join(map(str, found)) == days


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ("06:00,7.30,10:00,14:00,16:00,20:00", "column starts is '7.30', expected a time of its own date"),
        ("06:00,24:00,25:00,30:00,31:00,32:00", "column starts is '24:00'"),
        ("06:00,07:30:30,10:00,14:00,16:00,20:00", "column starts is '07:30:30'"),
        ("06:00,07:60,10:00,14:00,16:00,20:00", "column starts is '07:60'"),
        ("06:00,07:30,10:00,14:00,16:00,48:00", "column out_closes is '48:00'"),
        ("06:00,07:30,10:00,-01:00,16:00,20:00", "column out_opens is '-01:00'"),
        ("-24:01,07:30,10:00,14:00,16:00,20:00", "column in_opens is '-24:01'"),
        ("08:00,07:30,10:00,14:00,16:00,20:00", "in_opens, starts, in_closes do not ascend"),
        ("06:00,07:30,10:00,17:00,16:00,20:00", "out_opens, ends, out_closes do not ascend"),
        ("20:00,21:00,22:00,05:00,06:00,07:00", "column ends is not after starts: write"),
        ("06:00,07:30,10:00,+1 02:00,+1 03:00,+1 04:00", "column out_opens is"),
    ],
)
def test_a_time_written_otherwise_is_refused(load: Load, times: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(f"u,day,mon,{times},,\n")
    assert words in str(caught.value)


def test_seconds_of_zero_as_spreadsheets_write_them_are_read(load: Load) -> None:
    load("u,night,mon,20:00:00,21:00:00,22:30:00,30:30:00,31:00:00,32:30:00,,\n")


@pytest.mark.parametrize(
    "rows",
    [
        (DAY, DAY),
        (DAY, DAY.replace("mon-fri", "fri-sat")),
        (DAY.replace(",,\n", ",,2026-11-24\n"), DAY.replace(",,\n", ",2026-11-24,\n")),
    ],
)
def test_two_descriptions_of_one_shift_are_refused(load: Load, rows: tuple[str, str]) -> None:
    with pytest.raises(ConfigError, match="line 3: column code is 'day', which line 2 has"):
        load(*rows)


def test_a_shift_of_an_unknown_unit_is_refused(load: Load) -> None:
    with pytest.raises(ConfigError, match="column unit is 'x', expected one of the units file"):
        load(DAY.replace("u,", "x,", 1))


@pytest.fixture(scope="module")
def clinic(tmp_path_factory: pytest.TempPathFactory) -> Shifts:
    folder = tmp_path_factory.mktemp("clinic")
    (folder / "units.csv").write_text(UNITS)
    (folder / "shifts.csv").write_text(HEADER + DAY + NIGHT)
    return Shifts.load(folder / "units.csv", folder / "shifts.csv")


@given(st.integers(at("2026-01-01"), at("2027-01-01")), st.sampled_from(Direction))
def test_an_open_window_began_the_same_day_or_the_day_before(clinic: Shifts, at_ms: int, direction: Direction) -> None:
    window = clinic.open_window("u", direction, at_ms)
    if window is not None:
        local = datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(ZoneInfo("Asia/Jakarta")).date()
        assert 0 <= (local - day_of(window.key)).days <= 1
        assert 0 <= window.minutes <= 150


@given(st.integers(-(2**63), 2**63), st.sampled_from(Direction))
def test_any_clock_gives_a_window_or_none(clinic: Shifts, at_ms: int, direction: Direction) -> None:
    window = clinic.open_window("u", direction, at_ms)
    assert window is None or window.minutes >= 0
    assert day_of(clinic.fallback_key("u", at_ms)).year >= 1970
