"""The roster against the gallery, without files: who counts where."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from hadir.app.gallery_status import GalleryStatus, Missing, gallery_status
from hadir.app.gallery_words import headline, status_lines
from hadir.attendance.period import Period
from hadir.attendance.roster import Membership, Roster
from hadir.attendance.units import Unit, Units
from hadir.core.errors import ConfigError
from hadir.index.refusals import Refusal

NOW_MS = 1_790_000_000_000
"""2026-09-21."""
UNITS = Units([Unit("rsud", "RSUD", ZoneInfo("Asia/Jakarta")), Unit("disdik", "Dinas", ZoneInfo("Asia/Jakarta"))])


def member(person: str, unit: str = "disdik", until: date = date.max) -> Membership:
    return Membership(person, unit, f"1980010120100110{person[-2:]}", "Nama", Period(date.min, until))


def status(
    roster: list[Membership],
    enrolled: dict[str, bool],
    serving: tuple[str, ...] = (),
    refusals: tuple[Refusal, ...] = (),
) -> GalleryStatus:
    return gallery_status(
        Roster(roster), UNITS, NOW_MS, space="s", grounded=enrolled, serving=serving, refusals=refusals
    )


def test_enrolled_and_missing_are_counted_by_unit_with_empty_units() -> None:
    found = status([member("p01"), member("p02")], {"p01": True})
    assert [(unit.unit, unit.roster, unit.enrolled, unit.missing) for unit in found.units] == [
        ("disdik", 2, 1, 1),
        ("rsud", 0, 0, 0),
    ]
    assert (found.roster, found.enrolled, found.missing) == (2, 1, (Missing("p02", "disdik", ()),))


def test_refused_are_those_of_the_missing_who_sent_photos_each_reason_once_a_person() -> None:
    refusals = tuple(
        Refusal(person, photo * 64, reason, 1)
        for person, photo, reason in [
            ("p01", "a", "blurred"),
            ("p01", "b", "blurred"),
            ("p01", "c", "too_dark"),
            ("p02", "d", "blurred"),
        ]
    )
    found = status([member("p01"), member("p02"), member("p03")], {"p02": True}, refusals=refusals)
    (disdik, _) = found.units
    assert (disdik.refused, disdik.reasons) == (1, {"blurred": 1, "too_dark": 1})
    assert found.missing == (Missing("p01", "disdik", ("blurred", "too_dark")), Missing("p03", "disdik", ()))


def test_who_left_the_unit_is_not_counted_there() -> None:
    moved = [member("p01", "disdik", date(2026, 8, 31)), Membership("p01", "rsud", "x", "y", Period(date(2026, 9, 1)))]
    found = status(moved, {})
    assert [unit.roster for unit in found.units] == [0, 1]


def test_enrolled_people_who_do_not_serve_or_are_on_no_roster_are_told() -> None:
    found = status([member("p01"), member("p02")], {"p01": True, "p02": False, "p99": False}, serving=("p01",))
    assert (found.not_serving, found.not_on_roster, found.ungrounded) == (2, 1, 2)
    told = "\n".join(status_lines(found))
    assert "2 terdaftar tetapi belum melayani" in told
    assert "1 terdaftar di luar daftar pegawai" in told
    assert "2 tanpa dasar hukum tercatat" in told


def test_who_is_enrolled_with_another_pack_only_is_told_apart_from_who_never_was() -> None:
    roster, names = Roster([member("p01"), member("p02"), member("p03")]), {"p02", "p03", "gone"}
    found = gallery_status(
        roster, UNITS, NOW_MS, space="s", grounded={"p02": True}, serving=("p02",), refusals=(), elsewhere=names
    )
    assert (len(found.missing), found.only_elsewhere) == (2, 1)
    assert any("1 dari yang belum" in line and "hadir reindex" in line for line in status_lines(found))


def test_the_whole_of_it_is_one_line() -> None:
    roster = [Membership(f"p{n:05d}", "rsud", "", "") for n in range(13_000)]
    line = headline(status(roster, {f"p{n:05d}": True for n in range(11_000)}))
    assert line.startswith("13.000 di daftar pegawai, 11.000 terdaftar (84.6 %), 2.000 belum, 0 di antaranya ditolak")
    assert "13,000 on the roster, 11,000 enrolled" in line


def test_a_unit_that_nobody_described_is_named() -> None:
    with pytest.raises(ConfigError, match="unit dinkes"):
        status([member("p01", "dinkes")], {})


def test_nobody_on_the_roster_is_no_division_by_zero() -> None:
    assert "(0.0 %)" in headline(status([], {}))
