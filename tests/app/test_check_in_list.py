"""Check-ins as people keep them: separators, and what the stream would refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadir.app.check_in_list import read_check_ins
from hadir.app.photo_list import list_photos
from hadir.core.check_in import Fix
from hadir.core.errors import InputError


@pytest.mark.parametrize("separator", [",", ";"])
def test_spreadsheets_with_either_separator_are_read(tmp_path: Path, separator: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    rows = [["person", "channel", "captured_at"], ["a-1", "paper", "2026-11-24T07:00:00+07:00"]]
    sheet = tmp_path / "day.csv"
    sheet.write_text("\n".join(separator.join(row) for row in rows), encoding="utf-8-sig")
    (check_in,) = read_check_ins(sheet, 1_763_000_000_000)
    assert (check_in.person, check_in.channel.value) == ("a-1", "paper")
    photos = tmp_path / "photos.csv"
    photos.write_text(f"person{separator}photo\na-1{separator}a.jpg\n", encoding="utf-8-sig")
    assert [(photo.person, photo.path.name) for photo in list_photos(photos)] == [("a-1", "a.jpg")]


def test_decimal_commas_are_understood_as_in_a_sites_other_files(tmp_path: Path) -> None:
    sheet = tmp_path / "day.csv"
    sheet.write_text("person;channel;latitude_deg;longitude_deg;accuracy_m\na-1;paper;-8,1722;113,7001;12,5\n")
    (check_in,) = read_check_ins(sheet, 1_763_000_000_000)
    assert check_in.fix == Fix(-8.1722, 113.7001, 12.5, None)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p" * 70 + ",paper,,", "1 to 64 bytes"),
        ("a-1,face,,", "0 photos: a face check-in has 1 to 4"),
        ("a-1,paper,91,0", "fix.latitude_deg is out of range"),
    ],
)
def test_what_the_stream_would_refuse_is_refused_at_its_line(tmp_path: Path, row: str, said: str) -> None:
    sheet = tmp_path / "day.csv"
    person, channel, latitude, longitude = row.split(",")
    accuracy = "5" if latitude else ""
    sheet.write_text(
        f"person,channel,latitude_deg,longitude_deg,accuracy_m\n{person},{channel},{latitude},{longitude},{accuracy}\n"
    )
    with pytest.raises(InputError, match="line 2") as caught:
        list(read_check_ins(sheet, 1_763_000_000_000))
    assert said in str(caught.value)
