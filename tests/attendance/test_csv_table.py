"""Spreadsheets as they come, and every bad row named."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from hadir.attendance.csv_table import MAX_COMPLAINTS, Row, read_table
from hadir.core.errors import ConfigError


def read(path: Path, data: bytes) -> list[tuple[str, float, date]]:
    file = path / "table.csv"
    file.write_bytes(data)
    return read_table(file, ("key", "size"), ("valid_from",), parse, lambda _rows, _complaints: None)


def parse(row: Row) -> tuple[str, float, date]:
    return row.identifier("key"), row.number("size", 0, 10), row.day("valid_from", date.min)


@pytest.mark.parametrize(
    "data",
    [
        b"key,size\na,1.5\n",
        b"key;size\r\na;1,5\r\n",
        b"\xef\xbb\xbfkey;size\r\na;1,5\r\n;\r\n",
        b'SIZE , Key\n"1,5",  a \n',
        b"key,size,valid_from\na,1.5,\n",
    ],
)
def test_comma_semicolon_bom_and_blank_rows_read_the_same(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path, data) == [("a", 1.5, date.min)]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "column key is missing"),
        (b"key\na\n", "column size is missing"),
        (b"key,size,valid_form\na,1,\n", "column 'valid_form' is unknown"),
        (b"key,size,size\na,1,1\n", "a column stands twice"),
        (b"key,size\na,\xff\n", "line 2: not UTF-8"),
        (b'key,size\n"a,1\n', "not CSV"),
        (b"key,size\na,1,2\n", "line 2: 3 cells, expected 2"),
        (b"key,size\na/b,1\n", "column key is 'a/b'"),
        (b"key,size\n" + b"a" * 65 + b",1\n", "an id of 1 to 64 bytes"),
        (b"key,size\n" + b"a" * 1025 + b",1\n", "a cell is longer than 1024"),
        (b"key,size\na\x00,1\n", "column key is"),
        (b"key,size\na,10.5\n", "column size is '10.5', expected a number from 0 to 10"),
        (b"key,size\na,nan\n", "column size is 'nan'"),
        (b"key,size\na,1.000,5\n", "3 cells"),
        (b"key,size,valid_from\na,1,01/02/2026\n", "column valid_from is '01/02/2026', expected a date"),
        (b"key,size,valid_from\na,1,2026-02-30\n", "column valid_from is '2026-02-30'"),
        (b"key,size,valid_from\na,1,2026-W01-1\n", "column valid_from is '2026-W01-1'"),
    ],
)
def test_what_cannot_be_read_is_named_with_file_and_line(tmp_path: Path, data: bytes, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, data)
    assert words in str(caught.value)
    assert "table.csv" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_bad_rows_are_named_not_only_the_first(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"line 2: .*; line 4: ") as caught:
        read(tmp_path, b"key,size\na,x\nb,1\nc,y\n")
    assert "line 3" not in str(caught.value)


def test_a_flood_of_bad_rows_is_counted_instead(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="and 5 more bad rows") as caught:
        read(tmp_path, b"key,size\n" + b"a,x\n" * (MAX_COMPLAINTS + 5))
    assert str(caught.value).count("column size") == MAX_COMPLAINTS


def test_a_long_number_in_the_wrong_column_is_masked(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, b"key,size\na,184503121868021001\n")
    assert "1845**************" in str(caught.value)
    assert "18450" not in str(caught.value)


def test_a_missing_file_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_table(tmp_path / "none.csv", ("key", "size"), (), parse, lambda _rows, _complaints: None)
