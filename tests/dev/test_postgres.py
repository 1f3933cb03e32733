"""The throw-away PostgreSQL, stopped in order and crashed, and what is in it afterwards."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from dev.postgres import Postgres, programs


@pytest.mark.postgres
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server on this machine")
def test_what_was_committed_is_there_after_a_stop_and_after_a_crash() -> None:
    # A folder that another user may enter, which pytest's own are not.
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        try:
            server.start()
            assert os.getsid(server.pid) != os.getsid(0), "Ctrl-C in a terminal would end the server too"
            engine = create_engine(server.url)
            with engine.begin() as connection:
                connection.execute(text("CREATE TABLE kept (n integer)"))
            for count, number in enumerate((signal.SIGINT, signal.SIGQUIT), start=1):
                with engine.begin() as connection:
                    connection.execute(text("INSERT INTO kept VALUES (1)"))
                engine.dispose()
                server.stop(number)
                assert server.pid == 0
                server.start()
                with engine.begin() as connection:
                    assert connection.execute(text("SELECT count(*) FROM kept")).scalar() == count
            engine.dispose()
        finally:
            server.stop(signal.SIGQUIT)
