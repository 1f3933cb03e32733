"""Columns to slice an evaluation by: a CSV of people, the roster for example."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from hadir.attendance.csv_table import read_table
from hadir.core.errors import ConfigError, InputError

__all__ = ["read_columns"]

_NEVER = {"nip", "name", "valid_from", "valid_until"}
"""Columns that name a person or date a row, not a group."""


def read_columns(path: Path, people: Sequence[str]) -> dict[str, list[str | None]]:
    """Column to a value for each of `people`, in their order; None where there is none.

    A person on several lines counts with the last one: a roster is dated, and the last line is where they work now.

    Raises:
        InputError: it is no CSV, has no column `person`, nothing to slice by, or nobody of `people`.
    """
    heads = _heads(path)
    columns = [head for head in heads if head not in _NEVER]
    try:
        rows = {row.get("person"): row for row in read_table(path, ("person",), heads, lambda row: row)}
    except ConfigError as err:
        raise InputError(str(err)) from err
    if not columns:
        raise InputError(f"{path}: line 1 names no column to slice by: expected person and at least one other")
    known = [rows.get(person) for person in people]
    if not any(known):
        raise InputError(f"{path} names none of the {len(people)} people of the photos: their ids must be the same")
    return {column: [(row.get(column) or None) if row else None for row in known] for column in columns}


def _heads(path: Path) -> list[str]:
    """The columns beside `person`; none where the file cannot be read, which the reader of the table then says."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            line = file.readline(1 << 16)
    except (OSError, UnicodeDecodeError):
        return []
    cells = next(csv.reader([line], delimiter=";" if ";" in line else ","), [])
    return [head for cell in cells if (head := cell.strip().lower()) and head != "person"]
