"""`hadir run --supervise`: Ray's head or raylet dies in mid-stream, and everything is decided exactly once."""

from __future__ import annotations

import json
import signal
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from tests.app.command_line import hadir
from tests.app.kafka_site import check_ins, kafka_site, send
from tests.app.programs import program, rows_in
from tests.app.test_stopping import assert_each_decided_exactly_once

SMALL_BATCHES = "[pool]\nworkers = 1\nbatch_photos = 4\nin_flight_check_ins = 8\n"


def rays_part(run_folder: Path, name: str) -> psutil.Process:
    notes = json.loads((run_folder / "ray.json").read_text(encoding="utf-8"))
    for pid, _ in notes["processes"]:
        with suppress(psutil.NoSuchProcess):
            if (process := psutil.Process(pid)).name() == name:
                return process
    raise AssertionError(f"no {name} in {notes}")


@pytest.mark.kafka
@pytest.mark.ray
@pytest.mark.slow
def test_ray_lost_twice_in_mid_stream_costs_a_restart_and_nothing_else(
    kafka_node: Node, people: list[RealPerson], tmp_path: Path
) -> None:
    site = kafka_site(tmp_path, people, kafka_node, SMALL_BATCHES)
    sent = send(kafka_node, list(check_ins(people, faces=200, fingerprints=60)))
    ledger = tmp_path / "ledger.db"
    with program("run", "--supervise", "--config", site.config, folder=tmp_path / "supervised") as run:
        for times, (part, enough) in enumerate((("raylet", 20), ("gcs_server", 120)), start=1):
            run.wait_until(lambda enough=enough: rows_in(ledger) >= enough)  # type: ignore[misc]  # a bound default
            rays_part(tmp_path / "run", part).kill()
            run.wait_until(lambda times=times: run.err().count("run_ended") == times)  # type: ignore[misc]
            assert f"Ray's {part} has ended" in run.err()
        run.wait_until(lambda: rows_in(ledger) == len(sent))
        assert run.signal(signal.SIGTERM) == 0
    assert_each_decided_exactly_once(site, kafka_node, sent)


def test_what_no_restart_can_mend_is_said_at_once(tmp_path: Path) -> None:
    assert hadir("run", "--supervise", "--config", tmp_path / "none.toml").code == 1
    assert hadir("run", "--supervise", "--broker", "memory", "--input", tmp_path / "x.csv").code == 2
