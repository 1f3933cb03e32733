"""Connections to PostgreSQL that give up on a server that says nothing.

The server's own time-outs need a server that works. One that is frozen, or whose answers the network swallows, would
keep the loop waiting for as long as TCP believes in the connection: up to fifteen minutes for what was not acknowledged
(Linux, tcp_retries2), for ever where something between both still acknowledges.
"""

from __future__ import annotations

import time
from typing import Any, TypeVar

import psycopg
from psycopg.abc import PQGen
from sqlalchemy import URL, Engine, create_engine, event

__all__ = ["postgres_engine"]

RV = TypeVar("RV")

STATEMENT_MS = 60_000
CONNECT_S = 5
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
        pool_pre_ping=True,
        connect_args={"options": options, "connect_timeout": CONNECT_S, "application_name": "hadir"},
    )

    @event.listens_for(engine, "do_connect")
    def _connect(_dialect: object, _record: object, cargs: list[Any], cparams: dict[str, Any]) -> _Bounded:
        connection = _Bounded.connect(*cargs, **cparams)
        connection.answer_s = answer_s
        return connection

    return engine
