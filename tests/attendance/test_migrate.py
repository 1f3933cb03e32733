"""Schema steps: once each, together or not at all, and data stays."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import inspect

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_tables import METADATA
from hadir.attendance.ledger_verify import verify
from hadir.attendance.migrate import Step, migrate, require_current, shipped_steps
from hadir.core.errors import ConfigError, InputError, LedgerError
from tests.attendance.ledger_examples import batch_of, example_row, tamper

NEXT = len(shipped_steps()) + 1
LATER = Step(
    NEXT, "later", "ALTER TABLE positions ADD COLUMN moved_at_ms BIGINT;\nCREATE TABLE later (id ${SERIAL});\n"
)


@pytest.fixture
def database(ledger_url: str) -> Iterator[Database]:
    opened = Database(ledger_url, create=True)
    yield opened
    opened.close()


def _tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def test_the_steps_make_exactly_the_tables_that_the_code_knows(database: Database) -> None:
    assert migrate(database) == len(shipped_steps())
    assert _tables(database) == set(METADATA.tables) | {"schema_version"}
    with database.reading() as connection:
        made = inspect(connection)
        for table in METADATA.tables.values():
            columns = {column["name"]: column["nullable"] for column in made.get_columns(table.name)}
            assert columns.keys() == {column.name for column in table.columns}
            assert set(made.get_pk_constraint(table.name)["constrained_columns"]) == {
                column.name for column in table.primary_key
            }
            required = {column.name for column in table.columns if not column.nullable and not column.primary_key}
            assert {name for name in required if columns[name]} == set()


def test_version_one_with_data_is_migrated_up_and_still_verifies(ledger_url: str, database: Database) -> None:
    """Every later step must pass here: it meets the rows of the first release."""
    migrate(database, shipped_steps()[:1])
    old = Ledger(database)
    old.write(batch_of([example_row(n) for n in range(5)]))
    heads = old.heads()
    assert migrate(database, [*shipped_steps(), LATER]) == NEXT
    assert verify(old, heads) == []
    assert old.row(example_row(3).id) == example_row(3)
    assert "later" in _tables(database)


def test_migrating_again_changes_nothing(database: Database) -> None:
    migrate(database)
    before = _tables(database)
    migrate(database)
    assert _tables(database) == before


def test_a_step_that_fails_takes_back_those_before_it(database: Database) -> None:
    broken = Step(NEXT + 1, "broken", "ALTER TABLE nowhere ADD COLUMN x BIGINT;\n")
    with pytest.raises(LedgerError):
        migrate(database, [*shipped_steps(), LATER, broken])
    assert _tables(database) & {"later", "ledger"} == set()
    assert migrate(database) == len(shipped_steps())


def test_a_newer_schema_is_refused(ledger_url: str, database: Database) -> None:
    migrate(database, [*shipped_steps(), LATER])
    for migrating in (True, False):
        with pytest.raises(ConfigError, match=f"has schema {NEXT}, this Hadir knows up to {NEXT - 1}"):
            Ledger.open(ledger_url, migrate=migrating)


def test_looking_at_a_database_without_a_ledger_makes_none(ledger_url: str, database: Database) -> None:
    for look in (lambda: require_current(database), lambda: Ledger.open(ledger_url, migrate=False)):
        with pytest.raises(InputError, match="there is no ledger in"):
            look()
    assert _tables(database) == set()


def test_an_older_schema_is_refused_unless_it_may_be_migrated(ledger_url: str, database: Database) -> None:
    migrate(database)
    with pytest.raises(ConfigError, match=f"has schema {NEXT - 1}, this Hadir needs {NEXT}"):
        require_current(database, [*shipped_steps(), LATER])
    Ledger.open(ledger_url, migrate=False).close()


def test_starters_that_race_for_a_new_ledger_all_find_it_whole(ledger_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        ledgers = list(threads.map(Ledger.open, [ledger_url] * 4))
    ledgers[0].write(batch_of([example_row(1)]))
    assert ledgers[3].counts().rows == 1
    for ledger in ledgers:
        ledger.close()


def test_a_damaged_version_table_is_no_reason_to_migrate_anew(ledger_url: str, database: Database) -> None:
    migrate(database)
    tamper(ledger_url, "DELETE FROM schema_version")
    with pytest.raises(LedgerError):
        migrate(database)
