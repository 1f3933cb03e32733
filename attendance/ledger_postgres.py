"""Connections to PostgreSQL that give up on a server that says nothing.

The server's own time-outs need a server that works. One that is frozen, or whose answers the network swallows, would
keep the loop waiting for as long as TCP believes in the connection: up to fifteen minutes for what was not acknowledged
(Linux, tcp_retries2), for ever where something between both still acknowledges.
"""

from __future__ import annotations

import select
import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

__all__ = ["postgres_engine"]

RV = TypeVar("RV")

STATEMENT_MS = 60_000
CONNECT_S = 5
FRESH_S = 1.0
"""A connection that was in use so lately, and on which the server has said nothing since, is not asked whether it
lives: that would be a round trip for every statement. A server that ends a connection says so."""
LOOK_S = 0.1
"""How often psycopg looks up while it waits: its own default."""


class _Bounded(psycopg.Connection[Any]):
    """Every exchange with the server ends within `answer_s`; one that does not ends the connection."""

    answer_s: float

    def wait(self, gen: PQGen[RV], interval: float = LOOK_S, timeout: float | None = None) -> RV:
        until_s = time.monotonic() + self.answer_s
        try:
            return super().wait(gen, interval, self.answer_s if timeout is None else timeout)
        except psycopg.OperationalError:
            if time.monotonic() >= until_s:
                # What the server may still say belongs to nobody any more.
                self.pgconn.finish()
            raise


def postgres_engine(url: URL, lock_wait_ms: int, answer_s: float) -> Engine:
    """`lock_wait_ms` is how long a statement waits for a lock, `answer_s` how long for any answer at all: longer than
    the 60 s after which a working server ends a statement itself."""
    settings = {
        "statement_timeout": STATEMENT_MS,
        "lock_timeout": lock_wait_ms,
        "idle_in_transaction_session_timeout": STATEMENT_MS,
        "synchronous_commit": "on",
    }
    options = " ".join(f"-c {name}={value}" for name, value in settings.items())
    engine = create_engine(
        url,
        hide_parameters=True,
        connect_args={"options": options, "connect_timeout": CONNECT_S, "application_name": "hadir"},
    )

    @event.listens_for(engine, "checkin")
    def _note(_connection: object, record: ConnectionPoolEntry) -> None:
        record.info["used_s"] = time.monotonic()

    @event.listens_for(engine, "checkout")
    def _prove(connection: Any, record: ConnectionPoolEntry, _given: object) -> None:
        fresh = time.monotonic() - record.info.get("used_s", float("-inf")) < FRESH_S
        if fresh and not _has_said_something(connection):
            return
        try:
            engine.dialect.do_ping(connection)
        except psycopg.Error as err:
            # The pool opens another one in its place.
            raise DisconnectionError from err

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, cargs: list[Any], cparams: dict[str, Any]) -> _Bounded:
        connection = _Bounded.connect(*cargs, **cparams)
        connection.answer_s = answer_s
        return connection

    return engine


def _has_said_something(connection: psycopg.Connection[Any]) -> bool:
    """Whether the server has sent anything unasked: its farewell, or the end of the stream."""
    look = select.poll()
    look.register(connection.fileno(), select.POLLIN)
    return bool(look.poll(0))
