"""A ledger that cannot be written for a while: nothing is committed, nothing becomes a dead letter, all goes on after.

The log is in memory and the database is real: what fails here is the database, or the way to it.
"""

from __future__ import annotations

import resource
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from sqlalchemy import make_url

from dev.postgres import Postgres
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from hadir.core.clock import SystemClock
from hadir.core.errors import LedgerUnavailable
from hadir.core.message import Message
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS
from tests.chaos.morning import Member, MemorySite, Morning, open_morning, people, until
from tests.chaos.proxy import Fault, Proxy, proxy


def assert_it_waits(morning: Morning, member: Member, rows: int) -> None:
    """The member has tried several times; nothing has moved."""
    tried = len(member.seen.retries)
    until(lambda: len(member.seen.retries) >= tried + 3)
    assert {part for part, _ in member.seen.retries} <= {"ledger", "position"}
    assert member.seen.in_hand.oldest_received_at_ms is not None, (
        "the age of the oldest undecided one grows on the metrics page"
    )
    assert sum(morning.site.committed().values()) <= rows
    assert member.failure is None


def test_a_locked_sqlite_ledger_is_waited_for(sqlite_url: str, tmp_path: Path) -> None:
    with open_morning(MemorySite(SystemClock()), sqlite_url) as morning:
        morning.send(people(20))
        member = morning.member(lock_wait_ms=1)
        morning.wait_for_rows()
        with closing(sqlite3.connect(tmp_path / "ledger.db", isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            morning.send(people(40))
            assert_it_waits(morning, member, 20)
            other.rollback()
        morning.settle()


@contextmanager
def no_file_grows_beyond(size_bytes: int) -> Iterator[None]:
    """Stands for a disk that is full: the write fails in the middle of the transaction."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_waited_for(sqlite_url: str) -> None:
    with open_morning(MemorySite(SystemClock()), sqlite_url) as morning:
        morning.send(people(20))
        member = morning.member()
        morning.wait_for_rows()
        with no_file_grows_beyond(1_000_000):
            morning.send_raw([Message(CHECK_INS, b"p-1", b"?" * 4_000_000)])
            morning.send(people(40))
            assert_it_waits(morning, member, 20)
        morning.settle()
        [letter] = morning.site.read(DEAD_LETTERS)
        assert len(letter.value) == 4_000_000


@pytest.mark.postgres
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGQUIT], ids=["stopped", "crashed"])
def test_a_postgres_that_is_started_again_has_lost_and_doubled_nothing(postgres: Postgres, number: int) -> None:
    with open_morning(MemorySite(SystemClock()), postgres.url) as morning:
        morning.send(people(20))
        member = morning.member()
        morning.wait_for_rows()
        postgres.stop(number)
        morning.send(people(40))
        assert_it_waits(morning, member, 20)
        postgres.start()
        morning.settle()


@pytest.mark.postgres
@pytest.mark.parametrize("fault", [Fault.RESET, Fault.HALF_CLOSE])
def test_a_broken_way_to_postgres_is_waited_for(postgres: Postgres, fault: Fault) -> None:
    with (
        proxy(port_of(postgres)) as between,
        open_morning(MemorySite(SystemClock()), through(postgres, between)) as morning,
    ):
        morning.send(people(20))
        member = morning.member()
        morning.wait_for_rows()
        between.inflict(fault)
        morning.send(people(40))
        assert_it_waits_unseen(member)
        between.heal()
        morning.settle()


def assert_it_waits_unseen(member: Member) -> None:
    """As `assert_it_waits`, where the test cannot reach the ledger either."""
    tried = len(member.seen.retries)
    until(lambda: len(member.seen.retries) >= tried + 2)
    assert member.failure is None


@pytest.mark.postgres
def test_a_way_to_postgres_one_byte_at_a_time_is_only_slow(postgres: Postgres) -> None:
    with (
        proxy(port_of(postgres)) as between,
        open_morning(MemorySite(SystemClock()), through(postgres, between)) as morning,
    ):
        between.inflict(Fault.SLICE)
        morning.send(people(10))
        morning.member()
        morning.settle()


@pytest.mark.postgres
@pytest.mark.parametrize("how", ["swallowed", pytest.param("frozen", marks=pytest.mark.chaos)])
def test_a_postgres_that_says_nothing_is_given_up_and_asked_again(postgres: Postgres, how: str) -> None:
    """Neither the server's time-outs nor TCP's help: all that is sent is acknowledged and never answered."""
    with proxy(port_of(postgres)) as between:
        url = through(postgres, between)
        Ledger.open(url).close()
        ledger = Ledger(Database(url, create=False, answer_s=1.0))
        assert ledger.positions(CHECK_INS) == {}
        processes = [psutil.Process(postgres.pid), *psutil.Process(postgres.pid).children(recursive=True)]
        if how == "swallowed":
            between.inflict(Fault.BLACKHOLE)
        else:
            signal_all(processes, signal.SIGSTOP)
        try:
            with pytest.raises(LedgerUnavailable):
                ledger.positions(CHECK_INS)
        finally:
            signal_all(processes, signal.SIGCONT)
            between.heal()
        assert ledger.positions(CHECK_INS) == {}
        ledger.close()


def signal_all(processes: list[psutil.Process], number: int) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a worker of the server's that came and went
            process.send_signal(number)


def port_of(server: Postgres) -> int:
    port = make_url(server.url).port
    assert port is not None
    return port


def through(server: Postgres, between: Proxy) -> str:
    return make_url(server.url).set(port=between.port).render_as_string(hide_password=False)
