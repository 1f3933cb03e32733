"""`hadir surge` against a pipeline that runs, one that writes elsewhere, and one of its own."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.kafka.node import missing_part
from dev.postgres import programs
from hadir.app.demo_people import RealPerson
from hadir.attendance.ledger import Ledger
from tests.app.command_line import hadir
from tests.app.programs import HADIR
from tests.app.site import Site
from tests.app.surged_site import REPLAY, fresh_node, served

ROOT = Path(__file__).parents[2]
SHORT = ("--curve", "flat", "--minutes", "0.1", "--selfies", 6)


@pytest.fixture(scope="module")
def site(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("surge")
    with fresh_node(folder / "kafka") as node, served(folder / "site", people, node) as running:
        yield running


def with_another_ledger(site: Site, folder: Path) -> Path:
    """The same settings, but an empty ledger that nobody writes to."""
    Ledger.open(f"sqlite:///{folder}/other.db").close()
    other = folder / "other.toml"
    other.write_text(site.config.read_text(encoding="utf-8").replace(site.ledger, f"sqlite:///{folder}/other.db"))
    return other


@pytest.mark.kafka
@pytest.mark.slow
def test_everybody_sent_gets_the_verdict_that_was_laid_down(site: Site, tmp_path: Path) -> None:
    said = site("surge", *SHORT, "--people", 40, "--folder", tmp_path, "--json")
    assert said.code == 0, said.out + said.err
    document = said.document()
    assert document == json.loads((tmp_path / "surge.json").read_text(encoding="utf-8"))
    assert (document["planned"], document["check_ins"], document["answered"]) == (40, 40, 40)
    assert (document["missing"], document["doubled"], document["wrong_verdicts"], document["open"]) == (0, 0, 0, 0)
    assert sum(document["verdicts"].values()) == document["ledger_rows"] == 40
    assert document["verdicts"]["review"] >= 1, "one person's unit has no shift open"
    assert [one["number"] for one in document["invariants"]] == [1, 2, 3, 4, 5, 6, 7]
    assert all(one["holds"] is not False for one in document["invariants"])
    assert 0 < document["latency_s"]["p50"] <= document["latency_s"]["p99"] <= document["oldest_undecided_s"]
    assert sum(one["arrivals"] for one in document["slices"]) == 40
    assert document["generator"]["cpu_ms_per_check_in"] > 0
    page = (tmp_path / "surge.html").read_text(encoding="utf-8")
    assert page.count("<svg") == 3
    assert "this proves the flow, not the accuracy" in page
    assert "this log now holds a rehearsal" in said.problem()


@pytest.mark.kafka
@pytest.mark.slow
def test_no_rehearsal_is_written_among_other_verdicts(site: Site, tmp_path: Path) -> None:
    assert site("send", "--person", "P00009", "--photo", site.photo("P00001")).code == 0
    said = site("surge", *SHORT, "--people", 4, "--folder", tmp_path)
    assert said.code == 1
    assert "a surge would write false ones among them" in said.problem()
    assert not (tmp_path / "surge.json").exists()


@pytest.mark.kafka
@pytest.mark.slow
def test_no_rehearsal_is_sent_into_a_log_that_was_used_before(site: Site, tmp_path: Path) -> None:
    assert site("send", "--person", "P00009", "--photo", site.photo("P00001")).code == 0
    said = hadir("surge", *SHORT, "--people", 4, "--folder", tmp_path, "--config", with_another_ledger(site, tmp_path))
    assert said.code == 1
    assert "wants a log that no real pipeline reads" in said.problem()


@pytest.mark.kafka
@pytest.mark.slow
def test_a_pipeline_that_writes_to_another_ledger_gets_nobodys_check_in(
    people: list[RealPerson], tmp_path: Path
) -> None:
    with fresh_node(tmp_path / "kafka") as node, served(tmp_path / "site", people, node) as site:
        other = with_another_ledger(site, tmp_path)
        said = hadir("surge", *SHORT, "--people", 4, "--folder", tmp_path, "--config", other)
        assert said.code == 1
        assert "writes to another ledger" in said.problem()
        assert Ledger.open(site.ledger).counts().rows == 1, "the canary, whom no roster knows"


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server on this machine")
@pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}")
def test_a_surge_of_its_own_goes_through_a_paused_broker_and_a_crashed_database(tmp_path: Path) -> None:
    faults = tmp_path / "faults.toml"
    faults.write_text(
        '[[fault]]\nat_s = 1\nwhat = "pause-broker"\nfor_s = 1\n'
        '[[fault]]\nat_s = 3\nwhat = "kill-database"\nfor_s = 0.5\n',
        encoding="utf-8",
    )
    command = [HADIR, "surge", "--own", "--pool", "inline", *SHORT, "--people", 60, "--faults", faults, "--json"]
    done = subprocess.run(
        [str(one) for one in (*command, "--folder", tmp_path / "report")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=250,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    document = json.loads(done.stdout)
    assert (document["faults"], document["check_ins"], document["ledger_rows"]) == (2, 60, 60)
    assert [one["what"] for one in document["moments"]][:2] == ["pause-broker", "pause-broker: mended"]
    assert document["wrong_verdicts"] == document["missing"] == document["doubled"] == 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("--faults", "f.toml"), 2, "go with --own"),
        (("--faces", "photos"), 2, "go with --own"),
        (("--own", "--config", "site.toml"), 2, "leave --config out"),
        (("--people", "0"), 2, "greater than or equal to 1"),
        (("--speed", "nan"), 2, "speed"),
        (("--curve", "sine"), 2, "morning"),
    ],
)
def test_options_that_do_not_go_together_are_wrong_use(arguments: tuple[str, ...], code: int, says: str) -> None:
    said = hadir("surge", *arguments)
    assert said.code == code
    assert says in said.problem()


def test_a_surge_of_its_own_needs_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = hadir("surge", "--own")
    assert said.code == 1
    assert "a checkout of Hadir as the working folder" in said.problem()


def test_photos_that_resemble_each_other_may_not_be_taken_for_replays(tmp_path: Path) -> None:
    config = tmp_path / "strict.toml"
    config.write_text('[replay]\nnear = "review"\n', encoding="utf-8")
    said = hadir("surge", "--config", config)
    assert said.code == 1
    assert 'set [replay] near = "record"' in said.problem()


def test_a_log_in_memory_is_no_place_to_rehearse(tmp_path: Path) -> None:
    config = tmp_path / "memory.toml"
    config.write_text(f'[run]\nbroker = "memory"\n{REPLAY}', encoding="utf-8")
    said = hadir("surge", "--config", config)
    assert said.code == 1
    assert 'set [run] broker = "kafka"' in said.problem()
