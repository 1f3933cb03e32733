"""What a person's Ctrl-C, a service manager's SIGTERM and a SIGKILL leave behind."""

from __future__ import annotations

import json
import signal
import time
import uuid
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from hadir.app.scenarios import SITE
from hadir.app.variation import vary
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.kafka_offsets import skip_to_end
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.topics import CHECK_INS, VERDICTS, with_partitions
from tests.app.programs import program, rows_in
from tests.app.site import Site, make_site

ENROLLED = ("P00001", "P00003", "P00004", "P00006")
PARTITIONS = 4
SMALL_BATCHES = "[pool]\nworkers = 1\nbatch_photos = 8\nin_flight_check_ins = 16\n"
"""So that the ledger grows in steps small enough to be stopped between."""


def kafka_site(folder: Path, people: list[RealPerson], node: Node, settings: str) -> Site:
    """A served site whose group begins where the session's shared topic ends now."""
    create_topics(node.cluster, with_partitions(PARTITIONS))
    group = f"test-{uuid.uuid4().hex[:8]}"
    skip_to_end(node.cluster, CHECK_INS, group)
    kafka = f'[kafka]\nbootstrap = "{node.cluster.bootstrap}"\ngroup = "{group}"\npartitions = {PARTITIONS}\n'
    site = make_site(folder, people, round(time.time() * 1000), kafka + settings)
    site.serve()
    return site


def check_ins(people: list[RealPerson], faces: int, fingerprints: int) -> Iterator[CheckIn]:
    """Honest ones of the enrolled, coming and going, two photos each; fingerprints between them."""
    rng = np.random.default_rng(7)
    by_id = {person.person: person for person in people}
    selfies = {person: [vary(by_id[person].photos[0], rng) for _ in range(4)] for person in ENROLLED}
    fix, now_ms = Fix(*SITE, accuracy_m=8.0, mock=False), round(time.time() * 1000)
    kinds = rng.permutation([Channel.FACE] * faces + [Channel.FINGERPRINT] * fingerprints)
    for number, kind in enumerate(kinds):
        person = ENROLLED[number % len(ENROLLED)]
        direction = (Direction.IN, Direction.OUT)[number // len(ENROLLED) % 2]
        photos = tuple(selfies[person][:2]) if kind == Channel.FACE else ()
        yield CheckIn(str(uuid.uuid4()), person, direction, Channel(kind), now_ms, fix if photos else None, photos)


def send(node: Node, made: list[CheckIn]) -> set[str]:
    """Put them into the log; returns their ids."""
    sink = KafkaSink(node.cluster)
    sink.send([Message(CHECK_INS, one.person.encode(), encode_check_in(one)) for one in made])
    sink.close()
    return {one.id for one in made}


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
