"""The ledger's schema, step by step: numbered SQL files, each applied once, all inside one locked transaction."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from sqlalchemy import Column, Connection, Integer, MetaData, Table, Text, func, insert, inspect, select, text

from hadir.attendance.ledger_database import Database
from hadir.core.errors import ConfigError, InputError

__all__ = ["Step", "migrate", "require_current", "shipped_steps"]

_VERSION = Table(
    "schema_version",
    MetaData(),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("name", Text, nullable=False),
)

_WORDS = {
    "sqlite": {"BYTES": "BLOB", "SERIAL": "INTEGER PRIMARY KEY AUTOINCREMENT"},
    "postgresql": {"BYTES": "BYTEA", "SERIAL": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"},
}

_POSTGRES_LOCK = 0x4861646972
"""Advisory lock that starters of one database queue on: "Hadir" in ASCII. (SQLite queues on BEGIN IMMEDIATE.)"""


@dataclass(frozen=True, slots=True)
class Step:
    """One migration: `sql` with the words of _WORDS, statements ended by a semicolon at the end of a line."""

    version: int
    name: str
    sql: str


def shipped_steps() -> tuple[Step, ...]:
    """The steps of this Hadir, `migrations/NNNN_name.sql`, in order."""
    # importlib.resources cannot read a namespace package that is installed in place.
    files = sorted(Path(__file__).with_name("migrations").glob("*.sql"))
    steps = tuple(Step(int(file.name[:4]), file.stem, file.read_text("utf-8")) for file in files)
    if [step.version for step in steps] != list(range(1, len(steps) + 1)):
        raise ConfigError(f"the migrations are not numbered 1 to {len(steps)}: this installation is damaged")
    return steps


def migrate(database: Database, steps: Sequence[Step] | None = None) -> int:
    """Bring the schema up to the last step and return its version. All steps become real together, or none.

    Raises:
        ConfigError: the schema is newer than this Hadir.
        LedgerUnavailable: the database does not answer, or another starter held the lock for too long.
    """
    todo = shipped_steps() if steps is None else tuple(steps)
    with database.writing() as connection:
        if database.dialect == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _POSTGRES_LOCK})
        _VERSION.create(connection, checkfirst=True)
        present = _version(connection)
        _refuse_newer(database, present, len(todo))
        for step in todo[present:]:
            _apply(connection, step, _WORDS[database.dialect])
    return len(todo)


def require_current(database: Database, steps: Sequence[Step] | None = None) -> None:
    """Look whether the schema is exactly this Hadir's; nothing is made or changed.

    Raises:
        InputError: there is no ledger in this database at all.
        ConfigError: the schema is older, or newer than this Hadir.
    """
    wanted = len(shipped_steps() if steps is None else steps)
    with database.reading() as connection:
        present = _version(connection) if inspect(connection).has_table(_VERSION.name) else 0
    _refuse_newer(database, present, wanted)
    if not present:
        raise InputError(
            f"there is no ledger in {database.name}: name another with --ledger, or its settings with --config"
        )
    if present < wanted:
        raise ConfigError(
            f"ledger {database.name} has schema {present}, this Hadir needs {wanted}: start hadir run once, it migrates"
        )


def _version(connection: Connection) -> int:
    return connection.scalar(select(func.max(_VERSION.c.version))) or 0


def _refuse_newer(database: Database, present: int, known: int) -> None:
    if present > known:
        raise ConfigError(
            f"ledger {database.name} has schema {present}, this Hadir knows up to {known}: use the newer Hadir"
        )


def _apply(connection: Connection, step: Step, words: dict[str, str]) -> None:
    sql = re.sub(r"(?m)^--.*$", "", Template(step.sql).substitute(words))
    for statement in re.split(r";\s*$", sql, flags=re.MULTILINE):
        if statement.strip():
            connection.exec_driver_sql(statement)
    connection.execute(insert(_VERSION).values(version=step.version, name=step.name))
