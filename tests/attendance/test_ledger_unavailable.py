"""A database that cannot serve now: nothing is written, the error says to try again, and trying again works."""

from __future__ import annotations

import os
import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import NullPool, create_engine, text

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_verify import verify
from hadir.core.errors import LedgerError, LedgerUnavailable
from hadir.core.message import Message
from tests.attendance.ledger_examples import TOPIC, batch_of, example_row

FIRST = batch_of([example_row(0)])
SECOND = batch_of([example_row(1)], expected={0: 1})


@contextmanager
def impatient(url: str) -> Iterator[Ledger]:
    """A ledger that waits a millisecond for a lock."""
    Ledger.open(url).close()
    ledger = Ledger(Database(url, create=False, lock_wait_ms=1))
    yield ledger
    ledger.close()


def test_a_locked_sqlite_ledger_is_unavailable_until_it_is_free(sqlite_url: str, tmp_path: Path) -> None:
    with impatient(sqlite_url) as ledger:
        other = sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(LedgerUnavailable, match="locked"):
            ledger.write(FIRST)
        assert LedgerUnavailable.retryable
        assert ledger.positions(TOPIC) == {}
        other.rollback()
        other.close()
        ledger.write(FIRST)
        assert ledger.positions(TOPIC) == {0: 1}


def test_a_full_disk_is_unavailable_and_leaves_the_ledger_whole(sqlite_url: str, tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the write fails in the middle of the transaction."""
    ledger = Ledger.open(sqlite_url)
    ledger.write(FIRST)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    large = Message("hadir.dead-letters.v1", None, bytes(4_000_000))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    try:
        with pytest.raises(LedgerUnavailable):
            ledger.write(batch_of([example_row(1)], expected={0: 1}, outbox=[large]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (ledger.positions(TOPIC), ledger.outbox_depth()) == ({0: 1}, 0)
    ledger.write(batch_of([example_row(1)], expected={0: 1}, outbox=[large]))
    assert verify(ledger) == []
    ledger.close()


@contextmanager
def _unprivileged() -> Iterator[None]:
    """Nobody's rights, where the tests run as root: root may write what is read-only."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(user)


def test_a_read_only_sqlite_ledger_is_unavailable() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ledger.db"
        Ledger.open(f"sqlite:///{path}").close()
        path.chmod(0o444)
        Path(folder).chmod(0o555)
        with _unprivileged(), pytest.raises(LedgerUnavailable):
            Ledger.open(f"sqlite:///{path}")
        Path(folder).chmod(0o755)


def test_a_file_that_is_no_ledger_is_an_error_that_trying_again_does_not_mend(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(LedgerError, match="refused") as caught:
        Ledger.open(f"sqlite:///{path}")
    assert not caught.value.retryable


_DIES = """
import os, sys
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from tests.attendance.ledger_examples import batch_of, example_row

left = [3]
def salt(count: int) -> bytes:
    left[0] -= 1
    return os._exit(9) if left[0] == 0 else bytes(count)

ledger = Ledger(Database(sys.argv[1], create=False), salts=salt)
ledger.write(batch_of([example_row(0)]))
ledger.write(batch_of([example_row(1), example_row(2)], expected={0: 1}))
"""


def test_a_process_that_dies_in_the_middle_of_a_batch_leaves_nothing_of_it(ledger_url: str) -> None:
    ledger = Ledger.open(ledger_url)
    died = subprocess.run([sys.executable, "-c", _DIES, ledger_url], check=False, cwd=Path(__file__).parents[2])
    assert died.returncode == 9
    assert ledger.positions(TOPIC) == {0: 1}
    assert ledger.counts().rows == 1
    ledger.write(SECOND)
    assert verify(ledger) == []
    ledger.close()


@pytest.mark.postgres
def test_a_locked_postgres_table_is_unavailable_until_it_is_free(postgres_url: str) -> None:
    with impatient(postgres_url) as ledger:
        engine = create_engine(postgres_url, poolclass=NullPool)
        with engine.begin() as other:
            other.execute(text("LOCK TABLE positions IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(LedgerUnavailable, match="lock timeout"):
                ledger.write(FIRST)
        ledger.write(FIRST)
        assert ledger.counts().rows == 1


@pytest.mark.postgres
def test_connections_that_the_server_ended_are_replaced_unseen(postgres_url: str) -> None:
    ledger = Ledger.open(postgres_url)
    ledger.write(FIRST)
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.begin() as other:
        other.execute(
            text("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'hadir'")
        )
    ledger.write(SECOND)
    assert ledger.positions(TOPIC) == {0: 2}
    ledger.close()


@pytest.mark.postgres
def test_a_read_only_postgres_is_unavailable(postgres_url: str) -> None:
    Ledger.open(postgres_url).close()
    engine = create_engine(postgres_url, poolclass=NullPool)
    with engine.begin() as other:
        other.execute(text("ALTER ROLE hadir SET default_transaction_read_only = on"))
    try:
        ledger = Ledger.open(postgres_url, migrate=False)
        with pytest.raises(LedgerUnavailable, match="read-only"):
            ledger.write(FIRST)
        ledger.close()
    finally:
        with engine.begin() as other:
            other.execute(text("SET TRANSACTION READ WRITE"))
            other.execute(text("ALTER ROLE hadir RESET default_transaction_read_only"))


@pytest.mark.postgres
def test_a_server_that_is_not_there_is_unavailable_and_no_password_is_told() -> None:
    with pytest.raises(LedgerUnavailable) as caught:
        Ledger.open("postgresql+psycopg://hadir:s3cret@127.0.0.1:1/hadir")
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)
