"""Who works where, and what a roster may not say."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hadir.attendance.roster import Roster
from hadir.core.errors import ConfigError

HEADER = "person,nip,name,unit,valid_from,valid_until\n"
NIP_A, NIP_B = "184503121868021001", "184711301870032002"


def load(path: Path, rows: str, header: str = HEADER) -> Roster:
    file = path / "roster.csv"
    file.write_text(header + rows)
    return Roster.load(file)


def test_a_transfer_changes_the_unit_on_its_day(tmp_path: Path) -> None:
    roster = load(tmp_path, f"a,{NIP_A},Satu,old,,2026-10-31\na,{NIP_A},Satu,new,2026-11-01,\n")
    assert len(roster) == 1
    assert "a" in roster
    assert roster.unit("a", date(2026, 10, 31)) == "old"
    assert roster.unit("a", date(2026, 11, 1)) == "new"


def test_nobody_belongs_anywhere_before_the_first_and_after_the_last_day(tmp_path: Path) -> None:
    roster = load(tmp_path, f"a,{NIP_A},Satu,u,2026-02-01,2026-02-28\n")
    days = [date(2026, 1, 31), date(2026, 2, 1), date(2026, 2, 28), date(2026, 3, 1)]
    assert [roster.unit("a", day) for day in days] == [None, "u", "u", None]
    assert roster.unit("nobody", date(2026, 2, 1)) is None


def test_membership_dates_are_optional_columns(tmp_path: Path) -> None:
    roster = load(tmp_path, f"a,{NIP_A},Satu,u\n", "person,nip,name,unit\n")
    assert roster.unit("a", date(2026, 1, 1)) == "u"


@pytest.mark.parametrize("nip", [NIP_A, "18450312 186802 1 001", "185508031899211008"])
def test_nips_of_civil_servants_and_agreement_holders_are_taken_with_or_without_blanks(
    tmp_path: Path, nip: str
) -> None:
    assert len(load(tmp_path, f"a,{nip},Satu,u,,\n")) == 1


@pytest.mark.parametrize("nip", ["1845031218680210", "184513121868021001", "1.85E+17", "", "abcdefghijklmnopqr"])
def test_a_bad_nip_is_named_by_line_and_masked(tmp_path: Path, nip: str) -> None:
    with pytest.raises(ConfigError, match="line 2: column nip is") as caught:
        load(tmp_path, f"a,{nip},Satu,u,,\n")
    assert nip[:5] not in str(caught.value) or len(nip) < 5
    assert "18 digits" in str(caught.value)


def test_a_nip_as_person_id_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"column person is '1845\*+', expected an opaque id"):
        load(tmp_path, f"{NIP_A},{NIP_A},Satu,u,,\n")


def test_one_nip_for_two_persons_is_refused_without_printing_it(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 3: column nip is '1845\*+', which line 2 gives to another") as caught:
        load(tmp_path, f"a,{NIP_A},Satu,u,,\nb,{NIP_A},Dua,u,,\n")
    assert NIP_A not in str(caught.value)
    assert "Satu" not in str(caught.value)


def test_a_new_number_for_the_same_person_is_allowed(tmp_path: Path) -> None:
    load(tmp_path, f"a,{NIP_A},Satu,u,,2026-10-31\na,{NIP_B},Satu,u,2026-11-01,\n")


def test_a_person_in_two_units_on_one_day_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="line 3: column person is 'a', by line 2 already in a unit"):
        load(tmp_path, f"a,{NIP_A},Satu,old,,2026-11-01\na,{NIP_A},Satu,new,2026-11-01,\n")


def test_a_period_that_ends_before_it_begins_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="column valid_until is '2026-01-01'"):
        load(tmp_path, f"a,{NIP_A},Satu,u,2026-01-02,2026-01-01\n")


def test_an_empty_name_is_refused_and_bad_rows_are_reported_beside_clashes(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 3: column nip .*; line 4: column name is empty"):
        load(tmp_path, f"a,{NIP_A},Satu,u,,\nb,{NIP_A},Dua,u,,\nc,{NIP_B},,u,,\n")


def test_personal_data_stays_out_of_a_repr(tmp_path: Path) -> None:
    shown = repr(load(tmp_path, f"a,{NIP_A},Satu,u,,\n").memberships("a"))
    assert NIP_A not in shown
    assert "Satu" not in shown
