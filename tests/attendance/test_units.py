"""Units and the clocks they live by."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.units import Units
from hadir.core.errors import ConfigError

ROWS = "w,West,Asia/Jakarta\nm,Middle,Asia/Makassar\ne,East,Asia/Jayapura\n"
AT_MS = 1_793_000_000_000
"""2026-10-26 07:33:20 UTC."""


def load(path: Path, rows: str = ROWS) -> Units:
    file = path / "units.csv"
    file.write_text("unit,name,time_zone\n" + rows)
    return Units.load(file)


@pytest.fixture(scope="module")
def units(tmp_path_factory: pytest.TempPathFactory) -> Units:
    return load(tmp_path_factory.mktemp("units"))


def test_each_of_the_three_zones_has_its_own_wall_clock(units: Units) -> None:
    assert [units.local(unit, AT_MS).hour for unit in "wme"] == [14, 15, 16]
    assert units.local("w", AT_MS) == datetime(2026, 10, 26, 14, 33, 20)  # noqa: DTZ001 -- a wall clock


def test_the_local_date_turns_at_the_units_midnight(units: Units) -> None:
    midnight_west_ms = 1_793_034_000_000
    assert units.local_day("w", midnight_west_ms - 1) == date(2026, 10, 26)
    assert units.local_day("w", midnight_west_ms) == date(2026, 10, 27)
    assert units.local_day("e", midnight_west_ms - 1) == date(2026, 10, 27)


@given(st.integers(-(2**63), 2**63))
def test_no_client_clock_is_too_wrong_to_have_a_date(units: Units, at_ms: int) -> None:
    assert 1970 <= units.local_day("e", at_ms).year <= 9999


@pytest.mark.parametrize("zone", ["Asia/Jember", "WIB", "", "../../etc/passwd", "/etc/localtime", "."])
def test_an_unknown_time_zone_is_refused(tmp_path: Path, zone: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2: column time_zone is .*Asia/Jakarta"):
        load(tmp_path, f"u,U,{zone}\n")


def test_a_unit_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 3: column unit is 'u', which line 2"):
        load(tmp_path, "u,U,Asia/Jakarta\nu,U,Asia/Jakarta\n")
