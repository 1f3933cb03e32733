"""Addresses of ledgers, and what is said about them."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from hadir.attendance.ledger_database import Database
from hadir.core.errors import ConfigError


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("", "cannot be read"),
        ("ledger.db", "cannot be read"),
        ("mysql://u:s3cret@h/d", "cannot live in 'mysql'"),
        ("postgresql+psycopg2://u:s3cret@h/d", r"cannot live in 'postgresql\+psycopg2'"),
        ("postgresql://u:s3cret@h", "names no database"),
        ("postgresql://u:s3cret@h:port/d", "cannot be read"),
        ("sqlite://", "is a file"),
        ("sqlite:///:memory:", "is a file"),
        ("sqlite:///ledger.db?mode=s3cret", "is a file"),
        ("sqlite:////nowhere/at/all/ledger.db", "/nowhere/at/all, does not exist"),
    ],
)
def test_an_address_of_no_use_is_refused_with_what_is_wanted_and_without_its_password(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        Database(url, create=True)
    assert "s3cret" not in str(caught.value)


def test_an_absent_file_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    Database(f"sqlite:///{path}", create=True).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_absent_file_is_not_made_by_a_reader(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no ledger at"):
        Database(f"sqlite:///{tmp_path / 'ledger.db'}", create=False)
    assert not (tmp_path / "ledger.db").exists()


def test_sqlite_commits_are_on_disk_and_erased_bytes_are_overwritten(sqlite_url: str) -> None:
    database = Database(sqlite_url, create=True)
    asked = ("journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout")
    with database.reading() as connection:
        told = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in asked}
    full = 2
    assert told == {
        "journal_mode": "wal",
        "synchronous": full,
        "foreign_keys": 1,
        "secure_delete": 1,
        "busy_timeout": 5_000,
    }
    database.close()


@pytest.mark.postgres
def test_postgres_statements_end_and_commits_are_on_disk(postgres_url: str) -> None:
    database = Database(postgres_url, create=False)
    asked = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout", "synchronous_commit")
    with database.reading() as connection:
        told = {name: connection.exec_driver_sql(f"SHOW {name}").scalar() for name in asked}
    assert list(told.values()) == ["1min", "5s", "1min", "on"]
    database.close()
