"""Where people may check in."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hadir.attendance.sites import Sites
from hadir.core.errors import ConfigError

SITES = "site;name;latitude_deg;longitude_deg;radius_m\nhall;Hall;-9,4;113,4;150\nschool;School;-9,5;113,5;60\n"
PLACEMENTS = "person,unit,site,valid_from,valid_until\n"
DAY = date(2026, 11, 10)


def load(path: Path, placements: str = "", sites: str = SITES) -> Sites:
    (path / "sites.csv").write_text(sites)
    (path / "placements.csv").write_text(PLACEMENTS + placements)
    return Sites.load(path / "sites.csv", path / "placements.csv")


def ids(sites: Sites, person: str, unit: str, day: date = DAY) -> list[str]:
    return [site.id for site in sites.of(person, unit, day)]


def test_a_duty_elsewhere_adds_a_place_and_never_takes_the_office_away(tmp_path: Path) -> None:
    sites = load(tmp_path, ",office,hall,,\na,,school,2026-11-10,2026-11-12\n")
    assert ids(sites, "a", "office") == ["hall", "school"]
    assert ids(sites, "b", "office") == ["hall"]
    assert ids(sites, "a", "office", date(2026, 11, 13)) == ["hall"]
    assert ids(sites, "a", "elsewhere", date(2026, 11, 9)) == []


def test_decimal_commas_are_read(tmp_path: Path) -> None:
    (site,) = load(tmp_path, "a,,hall,,\n").of("a", "x", DAY)
    assert (site.latitude_deg, site.longitude_deg, site.radius_m) == (-9.4, 113.4, 150)


def test_a_site_that_is_both_a_persons_and_the_units_counts_once(tmp_path: Path) -> None:
    assert ids(load(tmp_path, ",office,hall,,\na,,hall,,\n"), "a", "office") == ["hall"]


@pytest.mark.parametrize(
    ("placements", "words"),
    [
        ("a,office,hall,,\n", "both filled or both empty"),
        (",,hall,,\n", "both filled or both empty"),
        ("a,,nowhere,,\n", "column site is 'nowhere', expected one of the sites file"),
    ],
)
def test_a_bad_placement_is_refused(tmp_path: Path, placements: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, placements)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("x;X;-91;0;50", "column latitude_deg is '-91', expected a number from -90 to 90"),
        ("x;X;0;180,5;50", "column longitude_deg"),
        ("x;X;0;0;4,9", "column radius_m"),
        ("x;X;0;0;50000", "column radius_m"),
        ("hall;Twice;0;0;50", "column site is 'hall', which line 2 already describes"),
    ],
)
def test_a_bad_site_is_refused(tmp_path: Path, row: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load(tmp_path, sites=SITES + row + "\n")
