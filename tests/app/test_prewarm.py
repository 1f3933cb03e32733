"""Workers are warmed up once before every morning, by the units' own clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from hadir.app.prewarm import Prewarm, next_prewarm_ms
from hadir.attendance.shifts import Shifts
from hadir.core.clock import ManualClock
from hadir.core.errors import LedgerUnavailable

SHIFTS = (
    "unit,code,weekdays,in_opens,starts,in_closes,out_opens,ends,out_closes\n"
    "barat,kantor,mon-fri,06:00,07:30,10:00,14:00,16:00,20:00\n"
    "timur,kantor,mon-fri,06:00,07:30,10:00,14:00,16:00,20:00\n"
)
UNITS = "unit,name,time_zone\nbarat,West,Asia/Jakarta\ntimur,East,Asia/Jayapura\n"


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def shown(at_ms: int | None) -> str:
    return "" if at_ms is None else datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%a %H:%M")


@pytest.fixture
def shifts(tmp_path: Path) -> Shifts:
    (tmp_path / "units.csv").write_text(UNITS)
    (tmp_path / "shifts.csv").write_text(SHIFTS)
    return Shifts.load(tmp_path / "units.csv", tmp_path / "shifts.csv")


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("2026-01-05T20:00", "Mon 21:45"),  # 07:30 in Jayapura is 22:30 UTC of the day before
        ("2026-01-05T21:45", "Mon 23:45"),  # 07:30 in Jakarta
        ("2026-01-09T12:00", "Sun 21:45"),  # over the weekend
    ],
)
def test_the_next_time_is_before_the_next_start_of_any_unit(shifts: Shifts, after: str, expected: str) -> None:
    assert shown(next_prewarm_ms(shifts, 45, utc_ms(after))) == expected


def test_without_shifts_there_is_no_next_time(shifts: Shifts) -> None:
    assert next_prewarm_ms(Shifts(shifts.units, ()), 45, utc_ms("2026-01-05T20:00")) is None


class Station:
    """What a prewarm does, counted."""

    def __init__(self, shifts: Shifts, ledger_answers: bool = True) -> None:
        self.warmed = self.woken = self.asked = 0
        self.clock = ManualClock(utc_ms("2026-01-05T20:00"))
        self._answers = ledger_answers
        self.prewarm = Prewarm(
            shifts, 45, warm_up=self._warm, check_ledger=self._ask, wake=self._wake, clock=self.clock
        )

    def pass_minutes(self, minutes: int) -> None:
        for _ in range(minutes):
            self.clock.advance(60)
            self.prewarm.look()
            self.prewarm.turn()

    def _warm(self) -> None:
        self.warmed += 1

    def _wake(self) -> None:
        self.woken += 1

    def _ask(self) -> None:
        self.asked += 1
        if not self._answers:
            raise LedgerUnavailable("the database does not answer")


def test_each_morning_is_prepared_once(shifts: Shifts) -> None:
    station = Station(shifts)
    station.pass_minutes(104)
    assert (station.warmed, station.woken, station.asked) == (0, 0, 0)
    station.pass_minutes(1)
    assert (station.warmed, station.woken, station.asked) == (1, 1, 1)
    station.pass_minutes(6 * 60)
    assert station.warmed == 2


def test_a_ledger_that_does_not_answer_is_said_and_stops_nothing(
    shifts: Shifts, capsys: pytest.CaptureFixture[str]
) -> None:
    station = Station(shifts, ledger_answers=False)
    station.pass_minutes(105)
    assert station.warmed == 1
    said = capsys.readouterr()
    assert "prewarm_ledger_does_not_answer" in said.out + said.err


def test_its_thread_ends_with_the_block(shifts: Shifts) -> None:
    with Station(shifts).prewarm:
        pass
