"""Addresses of ledgers, and what is said about them."""

from __future__ import annotations

import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database, is_sqlite
from hadir.core.errors import ConfigError
from tests.attendance.ledger_examples import batch_of, example_row


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


def test_a_second_ledger_of_one_process_costs_the_first_none_of_its_rows(tmp_path: Path) -> None:
    """Opening and closing the file itself would cancel the process's locks: another process that comes and goes would
    then delete the log under the first ledger, and what that writes afterwards would be gone."""
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    first = Ledger.open(url)
    first.write(batch_of([example_row(1)]))
    Database(url, create=False).close()
    look = f"from hadir.attendance.ledger import Ledger; l = Ledger.open({url!r}); print(l.counts().rows); l.close()"
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "1\n"
    first.write(batch_of([example_row(2)], expected={0: 2}))
    assert subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout == "2\n"
    first.close()


def test_a_look_at_the_file_leaves_the_locks_of_this_process_alone(tmp_path: Path) -> None:
    """Another process that opens and closes the ledger meanwhile must find it in use."""
    path = tmp_path / "ledger.db"
    with closing(Ledger.open(f"sqlite:///{path}")) as ledger:
        assert ledger.positions("t") == {}
        assert is_sqlite(path)
        look = "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM ledger'); c.close()"
        subprocess.run([sys.executable, "-c", look, str(path)], check=True)
        assert (tmp_path / "ledger.db-wal").exists()


@pytest.mark.parametrize(("content", "is_one"), [(b"", True), (b"no database" * 100, False)])
def test_what_is_no_database_is_told_by_sqlite(tmp_path: Path, content: bytes, is_one: bool) -> None:
    (tmp_path / "file").write_bytes(content)
    assert is_sqlite(tmp_path / "file") is is_one
