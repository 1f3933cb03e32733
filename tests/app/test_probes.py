"""Probes and metrics of a real run: what is missing while it starts, while its ledger is away, while its loop hangs."""

from __future__ import annotations

import csv
import http.client
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hadir.app.log_ends import LogEnds, open_ends
from hadir.app.options import DEFAULTS
from hadir.app.station import Station
from hadir.app.wiring import overridden
from hadir.core.check_in import Channel, CheckIn, Direction
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.core.settings import Settings, load_settings
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.observer import InHand, Written
from tests.app.programs import free_port, program, rows_in
from tests.app.site import Site

PATIENCE_S = 60.0
CHECK_INS = 2_000


@pytest.fixture
def config(served_site: Site, tmp_path: Path) -> Path:
    """That site's index, and a run of this test's own."""
    text = served_site.config.read_text(encoding="utf-8")
    for name in ("run", "cases", "heads.jsonl", "ledger.db"):
        text = text.replace(f'"{served_site.folder}/{name}"', f'"{tmp_path}/{name}"')
    text = text.replace(f"sqlite:///{served_site.folder}/ledger.db", f"sqlite:///{tmp_path}/ledger.db")
    path = tmp_path / "hadir.toml"
    path.write_text(f"{text}\n[reconcile]\nevery_s = 0\n", encoding="utf-8")
    return path


def ask(port: int, path: str) -> tuple[int, str]:
    """Status and text; 0 where nobody listens."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE_S)) as connection:
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        except OSError:
            return 0, ""


def sample(port: int, name: str) -> float:
    lines = (line.rpartition(" ") for line in ask(port, "/metrics")[1].splitlines())
    return next((float(value) for said, _, value in lines if said == name), 0.0)


@pytest.fixture
def check_ins(tmp_path: Path) -> Path:
    """So many that somebody else can lock the ledger before the last is written."""
    path = tmp_path / "check-ins.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "person", "channel", "captured_at"])
        at = datetime.now(UTC).isoformat()
        rows.writerows([uuid.uuid4(), "P00003", "fingerprint", at] for _ in range(CHECK_INS))
    return path


def test_a_run_is_ready_and_alive_while_its_ledger_is_away_and_says_how_long_people_wait(
    config: Path, check_ins: Path, tmp_path: Path
) -> None:
    port, ledger = free_port(), tmp_path / "ledger.db"
    arguments = ("run", "--broker", "memory", "--pool", "inline", "--input", check_ins, "--metrics-port", port)
    with program(*arguments, "--config", config, folder=tmp_path / "said") as run:
        run.wait_until(lambda: "[+]index" in ask(port, "/startupz")[1])
        with closing(sqlite3.connect(ledger, timeout=PATIENCE_S, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            failed = 'hadir_part_failures_total{code="ledger_unavailable",part="ledger"}'
            run.wait_until(lambda: sample(port, failed) > 0)
            assert ask(port, "/livez")[0] == 200, "a restart would not bring the ledger back"
            status, said = ask(port, "/readyz")
            assert status == 200, said
            for line in ("[+]index: pack open ", "[+]workers: 1 of 1 serve", "[+]group: joined, 4 partitions"):
                assert line in said
            before_s = sample(port, "hadir_oldest_undecided_age_seconds")
            run.wait_until(lambda: sample(port, "hadir_oldest_undecided_age_seconds") > max(0.0, before_s))
            assert 0 < sample(port, "hadir_consumer_lag_records") <= CHECK_INS
            assert sample(port, "hadir_partitions_assigned") == 4
            assert sample(port, "hadir_intake_paused") == 1
            other.execute("ROLLBACK")
        assert run.process.wait(PATIENCE_S) == 0, run.err()
        assert "Traceback" not in run.err()
    assert rows_in(ledger) == CHECK_INS


class Leaping(SystemClock):
    """The machine's clock, which can be set forward."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def monotonic_s(self) -> float:
        return super().monotonic_s() + self.ahead_s


class Holding:
    """A watcher that does what none may: it keeps the loop."""

    def __init__(self) -> None:
        self.held, self.release = threading.Event(), threading.Event()

    def on_written(self, written: Written) -> None:  # noqa: ARG002
        self.held.set()
        assert self.release.wait(PATIENCE_S)

    def on_received(self, records: int) -> None: ...
    def on_batch(self, photos: int, limit: int) -> None: ...
    def on_in_hand(self, in_hand: InHand) -> None: ...
    def on_retry(self, part: str, code: str) -> None: ...


@contextmanager
def at_work(settings: Settings, ends: LogEnds, clock: Leaping, holding: Holding) -> Iterator[Station]:
    with Station(settings, ends, clock, [holding]) as station:
        assert ask(settings.metrics.port, "/startupz")[0] == 503, "loaded, and no worker is up"
        assert ask(settings.metrics.port, "/livez")[0] == 200
        station.start()
        thread = threading.Thread(target=station.run)
        thread.start()
        try:
            yield station
        finally:
            holding.release.set()
            station.stop()
            thread.join()


def test_a_loop_that_hangs_is_told_and_one_that_turns_again_too(config: Path) -> None:
    port, clock, holding = free_port(), Leaping(), Holding()
    settings = overridden(load_settings(DEFAULTS, config), broker="memory", pool="inline", metrics_port=port)
    ends = open_ends(settings)
    with at_work(settings, ends, clock, holding) as station:
        assert ask(port, "/startupz")[0] == ask(port, "/readyz")[0] == ask(port, "/livez")[0] == 200
        check_in = CheckIn(str(uuid.uuid4()), "P00003", Direction.IN, Channel.FINGERPRINT, clock.now_ms(), None, ())
        ends.sender.send([Message(ends.topic, b"P00003", encode_check_in(check_in))])
        assert holding.held.wait(PATIENCE_S)
        clock.ahead_s = settings.metrics.stall_s + 1
        status, said = ask(port, "/livez")
        assert (status, "[-]loop: turned 12" in said) == (503, True), said
        assert ask(port, "/readyz")[0] == 503
        assert ask(port, "/startupz")[0] == 200
        holding.release.set()
        until_s = time.monotonic() + PATIENCE_S
        while ask(port, "/livez")[0] != 200:
            assert time.monotonic() < until_s
        station.stop()
        assert "[-]stay: stopping" in ask(port, "/readyz")[1]
    assert ask(port, "/livez") == (0, ""), "the page goes with the station"
