"""Commas or semicolons: spreadsheets in Indonesian write the latter."""

from __future__ import annotations

from typing import TextIO

__all__ = ["delimiter_of"]


def delimiter_of(file: TextIO) -> str:
    """The separator of a CSV by its first line; the file is where it was."""
    start = file.tell()
    first = file.readline()
    file.seek(start)
    return ";" if first.count(";") > first.count(",") else ","
