"""A running station finds a loss by itself, in its metrics, its notes and its log, while nothing lags."""

from __future__ import annotations

import json
import signal
import sqlite3
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from dev.kafka.node import Node, missing_part, start, stop
from hadir.app.demo_people import RealPerson
from hadir.app.reconciling import NOTES
from hadir.pipeline.kafka_offsets import skip_to_end
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.topics import CHECK_INS
from tests.app.kafka_site import check_ins, kafka_site, send
from tests.app.programs import free_port, program, rows_in

pytestmark = [pytest.mark.kafka, pytest.mark.slow]


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[Node]:
    """A broker whose whole log is this test's."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    node = start(tmp_path / "kafka")
    yield node
    stop(node)


def samples(port: int) -> dict[str, float]:
    """The metrics of reconciling, by kind of fault where they have one."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
        families = text_string_to_metric_families(page.read().decode())
        found = [one for family in families for one in family.samples if one.name.startswith("hadir_reconcile")]
    return {one.labels.get("kind", one.name): one.value for one in found}


def test_a_station_finds_by_itself_what_was_lost_behind_its_back(
    own_node: Node, people: list[RealPerson], tmp_path: Path
) -> None:
    site = kafka_site(tmp_path / "site", people, own_node, "[reconcile]\nevery_s = 0.2\n")
    ledger, group = tmp_path / "site" / "ledger.db", _group(site.config)
    made = list(check_ins(people, faces=0, fingerprints=7))
    port = free_port()
    arguments = ("run", "--pool", "inline", "--metrics-port", port, "--config", site.config)
    with program(*arguments, folder=tmp_path / "first") as running:
        running.wait_until_it_serves()
        send(own_node, made[:5])
        running.wait_until(lambda: samples(port)["hadir_reconcile_records_total"] == 5)
        assert rows_in(ledger) == 5
        assert samples(port)["missing"] == 0
        assert running.signal(signal.SIGTERM) == 0
    send(own_node, made[5:6])
    skip_to_end(own_node.cluster, CHECK_INS, group)
    with closing(sqlite3.connect(ledger)) as connection, connection:
        connection.execute("DELETE FROM positions")
    with program(*arguments, folder=tmp_path / "second") as running:
        running.wait_until_it_serves()
        send(own_node, made[6:])
        running.wait_until(lambda: rows_in(ledger) == 6)
        running.wait_until(lambda: samples(port)["missing"] == 1)
        reader = KafkaReader(own_node.cluster)
        ends = {p: one.end for p, one in reader.bounds(CHECK_INS).items()}
        running.wait_until(lambda: reader.committed(CHECK_INS, group) == ends)
        assert running.signal(signal.SIGTERM) == 0
        assert "received_and_decided_differ" in running.err()
    notes = json.loads((tmp_path / "site" / "run" / NOTES).read_text(encoding="utf-8"))
    assert [one["id"] for one in notes["faults"]] == [made[5].id]
    assert site("reconcile", "--hours", 1).out.splitlines()[-1] == "received 7, decided 6, missing 1, doubled 0"


def _group(config: Path) -> str:
    return next(line.split('"')[1] for line in config.read_text().splitlines() if line.startswith("group ="))
