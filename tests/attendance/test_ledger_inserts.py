"""Many rows in one statement: what is read back is what SQLAlchemy itself would have stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select
from sqlalchemy.exc import IntegrityError

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_inserts import insert_all
from hadir.attendance.ledger_tables import evidence_t, outbox_t

WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "topic": WORDS,
            "message_key": st.none() | st.binary(max_size=20),
            "message_value": st.binary(max_size=60),
            "headers": st.none() | WORDS,
            "value_sha256": WORDS,
        }
    ),
    max_size=8,
)


class Undone(Exception):
    """Ends a transaction that is to leave nothing."""


@pytest.fixture
def database(ledger_url: str) -> Iterator[Database]:
    Ledger.open(ledger_url).close()
    opened = Database(ledger_url, create=False)
    yield opened
    opened.close()


def stored(database: Database, rows: list[dict[str, Any]], *, at_once: bool) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    columns = [outbox_t.c[name] for name in ("topic", "message_key", "message_value", "headers", "value_sha256")]
    with pytest.raises(Undone), database.writing() as connection:
        if at_once:
            insert_all(connection, outbox_t, rows)
        elif rows:
            connection.execute(insert(outbox_t), rows)
        found += [tuple(row) for row in connection.execute(select(*columns).order_by(outbox_t.c.seq))]
        raise Undone
    return found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=MESSAGES)
def test_rows_are_stored_as_one_by_one_and_in_their_order(database: Database, rows: list[dict[str, Any]]) -> None:
    assert stored(database, rows, at_once=True) == stored(database, rows, at_once=False)


def test_a_row_that_is_there_already_is_refused_as_everywhere(database: Database) -> None:
    row = {"check_in_id": "one", "revision": 0, "salt": b"s", "body": "{}"}
    with pytest.raises(IntegrityError), database.writing() as connection:
        insert_all(connection, evidence_t, [row, row])
    with database.reading() as connection:
        assert connection.execute(select(evidence_t)).all() == []
