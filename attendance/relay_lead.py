"""Which of several processes on one ledger publishes its outbox: one at a time, so that verdicts are not said twice.

Two relays that race published up to half of all verdicts twice (measured in `make chaos`): right, since bytes and id
are equal, but the readers' work. The lead goes with its process, however that ends. One that is frozen keeps it, so a
relay without the lead publishes all the same where nothing moves (`hadir.pipeline.outbox`).
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from sqlalchemy import Connection, make_url, text
from sqlalchemy.exc import DBAPIError

from hadir.attendance.ledger_database import Database
from hadir.core.errors import LedgerUnavailable

__all__ = ["RelayLead"]

LOCK = 0x6861646972
"""`hadir` in ASCII: PostgreSQL's advisory locks are numbers, and each database has its own."""

_TAKE, _ALIVE = text("SELECT pg_try_advisory_lock(:lock)"), text("SELECT 1")


class RelayLead:
    """PostgreSQL: an advisory lock of a session. SQLite: a lock on a file beside the database. For one thread."""

    def __init__(self, url: str) -> None:
        """`url` of a ledger that is there. Raises ConfigError as `Database`."""
        self._database = Database(url, create=False)
        self._file = Path(f"{make_url(url).database}.relay") if self._database.dialect == "sqlite" else None
        self._handle: int | None = None
        self._session: Connection | None = None
        self._held = False

    def held(self) -> bool:
        """Whether this process leads, from now on if nobody did.

        Raises:
            LedgerUnavailable: the database does not answer; the lead may be lost.
        """
        return self._hold_file(self._file) if self._file is not None else self._hold_session()

    def close(self) -> None:
        """Let go. Idempotent."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
        self._drop_session()
        self._database.close()

    def _hold_file(self, path: Path) -> bool:
        if self._handle is not None:
            return True
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            return False
        self._handle = handle
        return True

    def _hold_session(self) -> bool:
        try:
            if self._session is None:
                self._session = self._database.session()
            if self._held:
                # The lock went with the session where that has ended.
                self._session.execute(_ALIVE)
            else:
                self._held = bool(self._session.scalar(_TAKE, {"lock": LOCK}))
        except DBAPIError as err:
            self._drop_session()
            raise LedgerUnavailable(f"ledger {self._database.name}: who publishes cannot be told now") from err
        return self._held

    def _drop_session(self) -> None:
        session, self._session, self._held = self._session, None, False
        if session is not None:
            session.invalidate()
            session.close()
