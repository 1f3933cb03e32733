"""What a run refuses to start with, and that the doctor says the same."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from dev.kafka.node import Node
from hadir.app.finding import Finding
from hadir.app.kafka_checkup import kafka_findings
from hadir.app.log_ends import LogEnds
from hadir.app.options import DEFAULTS
from hadir.app.start_checks import require_clock, require_disks, require_log, require_partitions, spaces
from hadir.app.station import Station
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import Advance, LedgerBatch
from hadir.core.clock import Clock, ManualClock, SystemClock
from hadir.core.errors import OffsetLost, SetupError
from hadir.core.settings import Settings, load_settings
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_clock import ClockGap, clock_gap
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.memory import MemoryLog, MemorySink, MemorySource
from hadir.pipeline.offsets_held import require_held
from hadir.pipeline.topics import CHECK_INS, with_partitions


def settings_in(folder: Path, bootstrap: str = "127.0.0.1:1") -> Settings:
    (folder / "hadir.toml").write_text(
        f'[run]\nfolder = "{folder}/run"\n[kafka]\nbootstrap = "{bootstrap}"\n'
        f'[ledger]\nurl = "sqlite:///{folder}/ledger.db"\n'
        f'[stores]\ncase_photos = "{folder}/cases"\nsnapshots = "{folder}/snapshots"\n'
    )
    return load_settings(DEFAULTS, folder / "hadir.toml")


def at_position(settings: Settings, partition: int, offset: int) -> None:
    """A ledger that has decided everything below."""
    with closing(Ledger.open(settings.ledger.url)) as ledger:
        ledger.write(LedgerBatch(CHECK_INS, (), (), (), (Advance(partition, None, offset),)))


def states(findings: list[Finding], part: str) -> list[str]:
    return [one.state for one in findings if one.part == part]


def test_disks_are_told_once_with_everything_that_lies_on_them(tmp_path: Path) -> None:
    [space] = spaces(settings_in(tmp_path))
    assert space.what == "ledger, case photos, run folder, snapshots"
    assert space.free_bytes > 0


def test_a_disk_that_is_all_but_full_is_refused_by_what_lies_on_it(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    require_disks(settings, least_bytes=0)
    with pytest.raises(SetupError, match=r"the disk of ledger, case photos.* MiB free.*make room"):
        require_disks(settings, least_bytes=1 << 60)


def test_a_database_and_a_bucket_elsewhere_are_not_measured(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    elsewhere = settings.model_copy(
        update={
            "ledger": settings.ledger.model_copy(update={"url": "postgresql+psycopg://hadir@db/hadir"}),
            "stores": settings.stores.model_copy(update={"case_photos": "s3://bucket/cases"}),
        }
    )
    assert [space.what for space in spaces(elsewhere)] == ["run folder, snapshots"]


def test_a_topic_with_fewer_partitions_than_were_decided_is_refused() -> None:
    held = {p: Stretch(p, 0, 10) for p in range(4)}
    require_partitions(CHECK_INS, {3: 5}, held)
    with pytest.raises(SetupError, match="has 4 partitions, the ledger has decided records of partition 4"):
        require_partitions(CHECK_INS, {3: 5, 4: 1}, held)


@pytest.mark.parametrize(("ahead_s", "says"), [(75.0, "75 s ahead of"), (-3600.0, "3600 s behind")])
def test_clocks_that_are_a_minute_apart_are_refused(ahead_s: float, says: str) -> None:
    with pytest.raises(SetupError, match=says):
        require_clock(ClockGap(ahead_s, 0.1))


def test_clocks_that_differ_by_seconds_are_logged_and_an_inexact_answer_accuses_nobody() -> None:
    with structlog.testing.capture_logs() as logged:
        require_clock(ClockGap(5.0, 0.1))
        require_clock(ClockGap(70.0, 69.0))
        require_clock(None)
    assert [line["event"] for line in logged] == ["clocks_differ"]


@pytest.mark.parametrize(
    ("at", "says"),
    [
        (9, r"1 records are gone .*hadir ledger skip-lost --partition 3"),
        (21, "hadir ledger read-again --partition 3 --offset 10"),
    ],
)
def test_what_the_log_does_not_hold_is_told_with_the_command_that_goes_on(at: int, says: str) -> None:
    require_held(CHECK_INS, Stretch(3, 10, 20), 10)
    require_held(CHECK_INS, Stretch(3, 10, 20), 20)
    with pytest.raises(OffsetLost, match=says):
        require_held(CHECK_INS, Stretch(3, 10, 20), at)


def test_a_station_does_not_start_on_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))
    log = MemoryLog(SystemClock())
    with pytest.raises(SetupError, match="make room"):
        Station(
            settings_in(tmp_path),
            LogEnds(MemorySource(log, CHECK_INS), MemorySink(log), MemorySink(log)),
            SystemClock(),
        )


class Ahead:
    """A clock that another machine would have."""

    def __init__(self, seconds: float) -> None:
        self._ms = round(seconds * 1000)

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self._ms

    def monotonic_s(self) -> float:
        return SystemClock().monotonic_s()


@pytest.mark.kafka
def test_the_clock_of_a_real_kafka_is_measured(kafka_node: Node) -> None:
    gap = clock_gap(kafka_node.cluster, SystemClock())
    assert gap is not None
    assert abs(gap.ahead_s) <= gap.within_s + 0.01


@pytest.mark.kafka
def test_a_start_with_a_wrong_clock_is_refused(kafka_node: Node) -> None:
    specs = list(with_partitions(4))
    create_topics(kafka_node.cluster, specs)
    require_log(kafka_node.cluster, specs, SystemClock())
    wrong: Clock = Ahead(120)
    with pytest.raises(SetupError, match="120 s behind this machine's"):
        require_log(kafka_node.cluster, specs, wrong)
    with pytest.raises(SetupError, match="ahead of"):
        require_log(kafka_node.cluster, specs, ManualClock(0))


@pytest.mark.kafka
def test_the_doctor_finds_a_healthy_log_healthy(kafka_node: Node, tmp_path: Path) -> None:
    create_topics(kafka_node.cluster, with_partitions(4))
    settings = settings_in(tmp_path, kafka_node.cluster.bootstrap)
    at_position(settings, 0, 0)
    found = list(kafka_findings(settings))
    assert [states(found, part) for part in ("kafka", "clock", "positions")] == [["ok"], ["ok"], ["ok"]]
    assert states(found, "copies") == ["note"], "one broker is one disk"


@pytest.mark.kafka
@pytest.mark.parametrize(
    ("partition", "offset", "says"), [(0, 10**9, "cut or made anew"), (99, 1, "decided records of partition 99")]
)
def test_the_doctor_finds_a_ledger_that_is_not_of_this_log(
    kafka_node: Node, tmp_path: Path, partition: int, offset: int, says: str
) -> None:
    create_topics(kafka_node.cluster, with_partitions(4))
    settings = settings_in(tmp_path, kafka_node.cluster.bootstrap)
    at_position(settings, partition, offset)
    [bad] = [one for one in kafka_findings(settings) if one.state == "bad"]
    assert bad.part == "positions"
    assert says in f"{bad.found}: {bad.do}"


@pytest.mark.kafka
def test_the_doctor_says_nothing_of_positions_where_the_ledger_is_of_a_newer_hadir(
    kafka_node: Node, tmp_path: Path
) -> None:
    from hadir.app.checkup import _ledger
    from hadir.app.finding import tried

    create_topics(kafka_node.cluster, with_partitions(4))
    settings = settings_in(tmp_path, kafka_node.cluster.bootstrap)
    at_position(settings, 0, 0)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("INSERT INTO schema_version VALUES (999, 'later')")
    assert states(list(kafka_findings(settings)), "positions") == []
    [ledger] = tried("ledger", _ledger, settings)
    assert ledger.state == "bad"
    assert "use the newer Hadir" in ledger.do
