"""What a person's Ctrl-C, a service manager's SIGTERM and a SIGKILL leave behind."""

from __future__ import annotations

import json
import signal
from collections import defaultdict
from pathlib import Path

import psutil
import pytest

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.topics import VERDICTS
from tests.app.kafka_site import check_ins, kafka_site, send
from tests.app.programs import program, rows_in
from tests.app.site import Site

SMALL_BATCHES = "[pool]\nworkers = 1\nbatch_photos = 8\nin_flight_check_ins = 16\n"
"""So that the ledger grows in steps small enough to be stopped between."""


def assert_each_decided_exactly_once(site: Site, node: Node, sent: set[str]) -> None:
    rows = [json.loads(line) for line in site("ledger", "export").out.splitlines()]
    assert sorted(row["id"] for row in rows if row["revision"] == 0) == sorted(sent)
    assert site("ledger", "verify").code == 0
    published: dict[str, set[bytes]] = defaultdict(set)
    for record in KafkaTail(node.cluster).read(VERDICTS):
        published[json.loads(record.value)["id"]].add(record.value)
    assert sent <= published.keys()
    assert {len(published[one]) for one in sent} == {1}, "a verdict that was published twice must be the same bytes"


def noted_processes(run_folder: Path) -> list[tuple[int, float]]:
    """Pid and start time of all that the run in this folder has started, with their children."""
    notes = json.loads((run_folder / "ray.json").read_text(encoding="utf-8"))
    noted: list[tuple[int, float]] = []
    for pid, _ in notes["processes"]:
        try:
            found = psutil.Process(pid)
            noted += [(p.pid, p.create_time()) for p in (found, *found.children(recursive=True))]
        except psutil.NoSuchProcess:
            continue
    assert noted
    return noted


def alive(noted: list[tuple[int, float]]) -> list[str]:
    found = []
    for pid, started_s in noted:
        try:
            process = psutil.Process(pid)
            if process.create_time() == started_s and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process.name())
        except psutil.NoSuchProcess:
            continue
    return found


@pytest.mark.kafka
@pytest.mark.ray
@pytest.mark.slow
def test_a_run_that_is_killed_twice_decides_everything_once_and_leaves_no_ray_behind(
    kafka_node: Node, people: list[RealPerson], tmp_path: Path
) -> None:
    site = kafka_site(tmp_path, people, kafka_node, SMALL_BATCHES)
    sent = send(kafka_node, list(check_ins(people, faces=300, fingerprints=200)))
    ledger, earlier = tmp_path / "ledger.db", list[tuple[int, float]]()
    for enough in (50, 200):
        with program("run", "--config", site.config, folder=tmp_path / f"until-{enough}") as run:
            run.wait_until_it_serves()
            if earlier:
                said = run.err()
                assert said.index("waiting for partitions") < said.index("Hadir melayani"), "the killed one holds them"
            assert alive(earlier) == []
            run.wait_until(lambda enough=enough: rows_in(ledger) >= enough)  # type: ignore[misc]  # a bound default
            earlier += noted_processes(tmp_path / "run")
            assert run.signal(signal.SIGKILL) == -signal.SIGKILL
        assert rows_in(ledger) < len(sent), "it was too fast to be killed in the middle"
    with program("run", "--config", site.config, folder=tmp_path / "to-the-end") as run:
        run.wait_until(lambda: rows_in(ledger) == len(sent))
        assert alive(earlier) == []
        earlier += noted_processes(tmp_path / "run")
        assert run.signal(signal.SIGTERM) == 0
    assert alive(earlier) == []
    assert not (tmp_path / "run" / "ray.json").exists()
    assert_each_decided_exactly_once(site, kafka_node, sent)


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_drains_and_is_no_failure(
    kafka_node: Node, people: list[RealPerson], tmp_path: Path, number: signal.Signals
) -> None:
    site = kafka_site(tmp_path, people, kafka_node, SMALL_BATCHES)
    sent = send(kafka_node, list(check_ins(people, faces=120, fingerprints=20)))
    ledger, arguments = tmp_path / "ledger.db", ("run", "--pool", "inline", "--json", "--config", site.config)
    with program(*arguments, folder=tmp_path / "stopped") as run:
        run.wait_until(lambda: rows_in(ledger) >= 10)
        assert run.signal(number) == 0
        said = json.loads(run.out())
    decided = rows_in(ledger)
    assert decided == sum(said["verdicts"].values()) == said["received"]
    assert decided < len(sent), "it was too fast to be stopped in the middle"
    with program(*arguments, folder=tmp_path / "resumed") as run:
        run.wait_until(lambda: rows_in(ledger) == len(sent))
        assert run.signal(signal.SIGTERM) == 0
    assert_each_decided_exactly_once(site, kafka_node, sent)


@pytest.mark.slow
def test_ctrl_c_ends_the_demo_with_a_sentence_and_a_whole_ledger(tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    with program("demo", "--folder", demo, "--pool", "inline", "--per-s", 20, folder=tmp_path / "said") as running:
        running.wait_until(lambda: rows_in(demo / "ledger.db") >= 5)
        assert running.signal(signal.SIGINT) == 130
        assert running.err().startswith("hadir: stopped by you")
        assert len(running.err().splitlines()) == 1
    with program("ledger", "verify", "--config", demo / "hadir.toml", folder=tmp_path / "after") as verify:
        assert verify.process.wait(30) == 0
