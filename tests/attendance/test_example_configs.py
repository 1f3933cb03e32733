"""The shipped examples load, fit each other, and belong to nobody."""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hadir.attendance.assemble import Assembler
from hadir.attendance.policy import load_policy
from hadir.attendance.roster import Roster
from hadir.attendance.shifts import Shifts
from hadir.attendance.sites import Sites
from hadir.attendance.yardsticks import Yardstick, Yardsticks
from hadir.core.check_in import Direction
from hadir.core.evidence import ShiftWindow
from hadir.core.thresholds import Thresholds, ThresholdTable

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "configs" / "example"


@pytest.fixture(scope="module")
def roster() -> Roster:
    return Roster.load(EXAMPLE / "roster.csv")


@pytest.fixture(scope="module")
def shifts() -> Shifts:
    return Shifts.load(EXAMPLE / "units.csv", EXAMPLE / "shifts.csv")


def test_the_example_files_fit_each_other_and_the_policy(roster: Roster, shifts: Shifts) -> None:
    table = ThresholdTable({"1e-3": {"1/1": 0.5}, "1e-2": {"1/1": 0.4}})
    sites = Sites.load(EXAMPLE / "sites.csv", EXAMPLE / "placements.csv")
    policy = load_policy(Path(str(files("hadir.app"))) / "policy.toml")
    yardsticks = Yardsticks(policy)
    yardsticks.register("snapshot", Yardstick(Thresholds(table, table), 0.02))
    Assembler(roster, sites, shifts, policy, yardsticks)


def test_everybody_in_the_example_has_a_place_to_check_in(roster: Roster) -> None:
    sites = Sites.load(EXAMPLE / "sites.csv", EXAMPLE / "placements.csv")
    day = datetime(2026, 11, 24, tzinfo=ZoneInfo("Asia/Jakarta")).date()
    assert [m.person for m in roster if m.period.covers(day) and not sites.of(m.person, m.unit, day)] == []


def test_no_number_in_the_example_can_belong_to_anybody_alive(roster: Roster) -> None:
    assert all(int(member.nip[:4]) < 1860 for member in roster)


@pytest.mark.parametrize(
    ("moment", "window"),
    [
        ("2026-11-24T07:45", ShiftWindow("kepegawaian/2026-11-24/kantor", 15)),
        ("2027-02-09T08:10", ShiftWindow("kepegawaian/2027-02-09/kantor", 10)),
        ("2027-03-10T07:45", ShiftWindow("kepegawaian/2027-03-10/kantor", 15)),
    ],
)
def test_the_example_hours_change_for_ramadan(shifts: Shifts, moment: str, window: ShiftWindow) -> None:
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Asia/Jakarta"))
    assert shifts.open_window("kepegawaian", Direction.IN, round(at.timestamp() * 1000)) == window
