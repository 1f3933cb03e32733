"""CSV as spreadsheets write it, read into checked rows: every bad row is named before anything is used.

UTF-8 with or without a byte order mark; comma or semicolon between cells, the header tells which (an Indonesian Excel
writes semicolons, and decimal commas). Columns may stand in any order; an unknown one is an error, as it is more often
a misspelt optional one than a remark. Dates are ISO 8601 (2026-01-31) only: 01/02/2026 has two readings.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TypeVar

from hadir.attendance.period import Period
from hadir.core.errors import ConfigError
from hadir.core.nip import mask_nip

__all__ = ["Complaints", "Numbered", "Row", "read_table"]

MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 500_000
MAX_CELL_CHARS = 1024
"""Four photos of a check-in, of 255 characters each as file systems allow."""
MAX_COMPLAINTS = 20
"""As many bad rows are named; the rest are counted. A whole column in a wrong format must not flood a terminal."""

MAX_ID_BYTES = 64

_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?")
_MOST_SHOWN = 60
_LONG_NUMBER = re.compile(r"\d{8,}")

Item = TypeVar("Item")
Numbered = tuple[int, Item]
"""A parsed row and the line of the file on which it ends."""


@dataclass(frozen=True, slots=True)
class Row:
    """One line's cells by column, stripped. Every reader raises ConfigError naming column, value and expectation."""

    line: int
    cells: Mapping[str, str]

    def get(self, column: str) -> str:
        """The cell, "" where it is empty or the optional column is absent."""
        return self.cells.get(column, "")

    def bad(self, column: str, expected: str, shown: str | None = None) -> ConfigError:
        """The error for this cell; `shown` replaces a value that may not be printed.

        Long numbers are masked whatever the column: a NIP ends up in the wrong one easily.
        """
        masked = _LONG_NUMBER.sub(lambda match: mask_nip(match[0]), self.get(column))
        # Of a long path the end says which file it is.
        told = masked if len(masked) <= _MOST_SHOWN else f"…{masked[-_MOST_SHOWN:]}"
        return ConfigError(f"column {column} is {shown or repr(told)}, expected {expected}")

    def identifier(self, column: str) -> str:
        """An id of 1 to 64 bytes, printable, without a slash (ids are joined by slashes in shift keys)."""
        text = self.get(column)
        if 1 <= len(text.encode()) <= MAX_ID_BYTES and text.isprintable() and "/" not in text:
            return text
        raise self.bad(column, f"an id of 1 to {MAX_ID_BYTES} bytes without a slash or control characters")

    def title(self, column: str) -> str:
        """A name for people to read. It may be personal, so no error repeats it."""
        text = self.get(column)
        if text and text.isprintable():
            return text
        raise self.bad(column, "a printable name", shown="empty or not printable")

    def number(self, column: str, low: float, high: float) -> float:
        """A finite number in [low, high], with a decimal point or a decimal comma."""
        text = self.get(column)
        value = float(text.replace(",", ".")) if _NUMBER.fullmatch(text) else math.nan
        if low <= value <= high:
            return value
        raise self.bad(column, f"a number from {low:g} to {high:g}")

    def day(self, column: str, default: date) -> date:
        """An ISO date, `default` where the cell is empty."""
        text = self.get(column)
        if not text:
            return default
        if _ISO_DAY.fullmatch(text):
            with suppress(ValueError):
                return date.fromisoformat(text)
        raise self.bad(column, "a date such as 2026-01-31, or nothing")

    def period(self) -> Period:
        """`valid_from` and `valid_until`, both included, empty for no limit."""
        period = Period(self.day("valid_from", date.min), self.day("valid_until", date.max))
        if period.first > period.last:
            raise self.bad("valid_until", f"a date not before valid_from ({period.first.isoformat()})")
        return period


class Complaints:
    """What is wrong with one file, by line; the first twenty are kept in full."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: list[Numbered[str]] = []
        self._count = 0

    def add(self, line: int, text: str) -> None:
        """Note that this line is bad."""
        self._count += 1
        if len(self._kept) < MAX_COMPLAINTS:
            self._kept.append((line, text))

    def raise_if_any(self) -> None:
        """Raise ConfigError with file, line, column, value and expectation of every bad row that was kept."""
        if not self._count:
            return
        rest = self._count - len(self._kept)
        parts = [f"line {line}: {text}" for line, text in sorted(self._kept)]
        raise ConfigError(f"{self._path}: " + "; ".join(parts) + (f"; and {rest} more bad rows" if rest else ""))


def read_table(
    path: Path,
    columns: Sequence[str],
    optional: Sequence[str],
    parse: Callable[[Row], Item],
    cross_check: Callable[[Sequence[Numbered[Item]], Complaints], None] | None = None,
) -> list[Item]:
    """All rows of the file through `parse`, then `cross_check` over the good ones, in the order of the file.

    Raises:
        ConfigError: the file cannot be read, its header is wrong, or rows are bad; all of them, the first 20 in full.
    """
    complaints, items = Complaints(path), list[Numbered[Item]]()
    for row in _rows(path, columns, optional, complaints):
        try:
            items.append((row.line, parse(row)))
        except ConfigError as err:
            complaints.add(row.line, str(err))
    if cross_check is not None:
        cross_check(items, complaints)
    complaints.raise_if_any()
    return [item for _, item in items]


def _rows(path: Path, columns: Sequence[str], optional: Sequence[str], complaints: Complaints) -> Iterator[Row]:
    text = _text(path)
    delimiter = ";" if ";" in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = _header(path, next(reader, []), columns, optional)
        for number, cells in enumerate(reader, 1):
            if number > MAX_ROWS:
                raise ConfigError(f"{path} has more than {MAX_ROWS} rows: split it or remove what is out of date")
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                complaints.add(reader.line_num, f"{len(cells)} cells, expected {len(header)} as in the header")
            elif any(len(cell) > MAX_CELL_CHARS for cell in cells):
                complaints.add(reader.line_num, f"a cell is longer than {MAX_CELL_CHARS} characters")
            else:
                stripped = (cell.strip() for cell in cells)
                yield Row(reader.line_num, dict(zip(header, stripped, strict=True)))
    except csv.Error as err:
        raise ConfigError(f"{path}: line {reader.line_num}: not CSV ({err}): check the quotation marks") from err


def _text(path: Path) -> str:
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise ConfigError(f"{path} has {size} bytes, expected at most {MAX_FILE_BYTES}")
        data = path.read_bytes()
    except OSError as err:
        raise ConfigError(f"{path} cannot be read ({err.strerror}): check the path and its permissions") from err
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data.count(b"\n", 0, err.start) + 1
        raise ConfigError(f"{path}: line {line}: not UTF-8: save it as 'CSV UTF-8'") from err


def _header(path: Path, cells: Sequence[str], columns: Sequence[str], optional: Sequence[str]) -> list[str]:
    header = [cell.strip().lower() for cell in cells]
    wanted = f"expected {', '.join(columns)}" + (f" and optionally {', '.join(optional)}" if optional else "")
    if missing := [name for name in columns if name not in header]:
        raise ConfigError(f"{path}: line 1: column {missing[0]} is missing, {wanted}")
    if unknown := [name for name in header if name not in columns and name not in optional]:
        raise ConfigError(f"{path}: line 1: column '{unknown[0][:40]}' is unknown, {wanted}")
    if len(set(header)) != len(header):
        raise ConfigError(f"{path}: line 1: a column stands twice, {wanted}")
    return header
