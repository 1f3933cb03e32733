"""Connections to the ledger's database: set so that a commit is durable, with errors that say whether to try again."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.pool import ConnectionPoolEntry

from hadir.core.errors import ConfigError, LedgerError, LedgerUnavailable

__all__ = ["Database", "is_sqlite", "redacted"]

LOCK_WAIT_MS = 5_000
"""How long one statement waits for another writer before LedgerUnavailable."""

ANSWER_S = 65.0
"""How long a PostgreSQL server may say nothing before LedgerUnavailable: it ends its own statements after 60 s."""

ROWS_AT_ONCE = 1_000
"""Rows fetched at a time by streaming readers."""

_SQLITE_UNAVAILABLE = frozenset(
    {"BUSY", "LOCKED", "FULL", "READONLY", "IOERR", "CANTOPEN", "NOMEM", "INTERRUPT", "PERM", "PROTOCOL"}
)
_POSTGRES_UNAVAILABLE = ("08", "25", "40", "53", "55", "57", "58")
"""SQLSTATE classes: connection, read-only or aborted transaction, rollback, resources, lock, operator, system."""


class Database:
    """One engine. Safe to share between threads: every `reading`, `writing` or `snapshot` takes its own connection.

    Inside these, IntegrityError passes as it is (the caller knows what it means); LedgerUnavailable where trying
    again can help; LedgerError for anything else that the database says.
    """

    def __init__(self, url: str, create: bool, lock_wait_ms: int = LOCK_WAIT_MS, answer_s: float = ANSWER_S) -> None:
        """`create`: make the file of an SQLite ledger that is not there yet."""
        parsed = _checked(url)
        self.name = redacted(parsed)
        if parsed.get_backend_name() == "sqlite":
            _prepare_file(parsed, create)
            self._engine = _sqlite_engine(parsed, lock_wait_ms)
        else:
            # Here, since a site with SQLite need not wait for psycopg to load.
            from hadir.attendance.ledger_postgres import postgres_engine

            self._engine = postgres_engine(parsed, lock_wait_ms, answer_s)
        self._writer = self._engine.execution_options(hadir_begin="IMMEDIATE")
        # A statement alone is a transaction of its own: to say so would be two more round trips to the server.
        alone = {"hadir_begin": None} if self.dialect == "sqlite" else {"isolation_level": "AUTOCOMMIT"}
        self._reader = self._engine.execution_options(**alone)

    @property
    def dialect(self) -> str:
        """`sqlite` or `postgresql`."""
        return self._engine.dialect.name

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """For statements that only read, each of which sees a moment of its own: `snapshot` is for one of all."""
        with self._translated(), self._reader.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: committed and on disk when the block is left, or not there at all."""
        with self._translated(), self._writer.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[Connection]:
        """A reading transaction in which all queries see the same moment, fetching ROWS_AT_ONCE rows at a time."""
        options = {} if self.dialect == "sqlite" else {"isolation_level": "REPEATABLE READ"}
        with self._translated(), self._engine.connect() as plain:
            connection = plain.execution_options(yield_per=ROWS_AT_ONCE, **options)
            with connection.begin():
                yield connection

    def session(self) -> Connection:
        """A connection of one's own, each statement a transaction of its own; whoever asks closes it. Raises
        DBAPIError."""
        return self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")

    def forget_log(self) -> None:
        """SQLite: empty the write-ahead log, which still holds what was erased, unless a reader needs it now."""
        if self.dialect != "sqlite":
            return
        with self._translated(), closing(self._engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Give back every connection. Idempotent."""
        self._engine.dispose()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except IntegrityError:
            raise
        except PoolTimeout as err:
            raise LedgerUnavailable(f"ledger {self.name}: every connection is busy; trying again can help") from err
        except DBAPIError as err:
            if _is_passing(err):
                raise LedgerUnavailable(f"ledger {self.name} cannot be used now: {_first_line(err)}") from err
            raise LedgerError(f"ledger {self.name} refused: {type(err.orig).__name__}; nothing was written") from err


def redacted(url: URL) -> str:
    """The address for messages: no password, nor the options that could hold one."""
    return url.set(query={}).render_as_string(hide_password=True)


def _checked(url: str) -> URL:
    wanted = "expected sqlite:///PATH or postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # The driver's own words would repeat the address with its password.
        raise ConfigError(f"the ledger's address cannot be read; {wanted}") from None
    if parsed.drivername in {"postgresql", "postgresql+psycopg"}:
        if not parsed.database:
            raise ConfigError(f"the ledger's address {redacted(parsed)} names no database; {wanted}")
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername not in {"sqlite", "sqlite+pysqlite"}:
        raise ConfigError(f"the ledger cannot live in {parsed.drivername!r}; {wanted}")
    if parsed.database in {None, "", ":memory:"} or parsed.query:
        raise ConfigError(f"a ledger in SQLite is a file, without options; {wanted}")
    return parsed


def is_sqlite(path: Path) -> bool:
    """Whether this file, which is there, is a SQLite database.

    SQLite itself looks: a file that this process opened and closed by other means would take the locks of its
    connections along, as `_prepare_file` says.
    """
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            connection.execute("PRAGMA schema_version").fetchone()
    except sqlite3.OperationalError:
        return True  # it is, and cannot be read now: opening it will say why
    except sqlite3.DatabaseError:
        return False
    return True


def _prepare_file(url: URL, create: bool) -> None:
    path = Path(url.database or "")
    if not path.parent.is_dir():
        raise ConfigError(f"the folder of the ledger, {path.parent}, does not exist; make it first")
    if not create and not path.is_file():
        raise ConfigError(f"there is no ledger at {path}; name an existing one, or start `hadir run` to make it")
    if path.is_file() and os.access(path, os.R_OK):
        # Never opened here: closing it would cancel the locks of every connection that this process has (sqlite.org,
        # "How To Corrupt", 2.2), and another process would then delete the log that they go on writing to.
        return
    try:
        # Who checked in where is nobody's business on a shared machine; SQLite gives its side files the same mode.
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT, 0o600))
    except OSError as err:
        raise LedgerUnavailable(f"the ledger {path} cannot be opened: {err.strerror}") from err


def _sqlite_engine(url: URL, lock_wait_ms: int) -> Engine:
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": lock_wait_ms / 1000})

    @event.listens_for(engine, "connect")
    def _set(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        # The driver must not begin transactions by itself: BEGIN IMMEDIATE below makes writers queue instead of fail.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={lock_wait_ms}",
            "journal_mode=WAL",
            # NORMAL can lose rows at power loss after their offsets were committed.
            "synchronous=FULL",
            "foreign_keys=ON",
            # What is erased is overwritten, not only unlinked.
            "secure_delete=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if (kind := connection.get_execution_options().get("hadir_begin", "DEFERRED")) is not None:
            connection.exec_driver_sql(f"BEGIN {kind}")

    return engine


def _is_passing(err: DBAPIError) -> bool:
    if err.connection_invalidated:
        return True
    if isinstance(err.orig, sqlite3.Error):
        name = getattr(err.orig, "sqlite_errorname", None) or ""
        return name.removeprefix("SQLITE_").split("_")[0] in _SQLITE_UNAVAILABLE
    state = getattr(err.orig, "sqlstate", None)
    return state.startswith(_POSTGRES_UNAVAILABLE) if state else isinstance(err, OperationalError)


def _first_line(err: DBAPIError) -> str:
    return (str(err.orig).splitlines() or [type(err.orig).__name__])[0][:200]
