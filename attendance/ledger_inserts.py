"""Many new rows in one statement, without what SQLAlchemy does for each of them.

The columns are text, whole numbers and bytes, which both drivers take as they are: there is nothing to convert, and
looking for it took a twentieth of the loop's time (measured).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Table

__all__ = ["insert_all"]

_PLACES = {"sqlite": ":{}", "postgresql": "%({})s"}


def insert_all(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows that all have the same columns, in this order; none is nothing. Raises as `Connection.execute`."""
    if rows:
        connection.exec_driver_sql(_statement(table.name, tuple(rows[0]), connection.dialect.name), [*rows])


@lru_cache(maxsize=64)
def _statement(table: str, columns: tuple[str, ...], dialect: str) -> str:
    places = ", ".join(_PLACES[dialect].format(column) for column in columns)
    return f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - names of our own tables and columns
