"""A surge without a pipeline, and one that is ended in the middle."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson
from hadir.attendance.ledger import Ledger
from tests.app.kafka_site import kafka_site
from tests.app.programs import Program, program
from tests.app.site import Site
from tests.app.surged_site import REPLAY, fresh_node, served


@pytest.mark.kafka
@pytest.mark.slow
def test_where_nobody_answers_nothing_is_sent(people: list[RealPerson], tmp_path: Path) -> None:
    with fresh_node(tmp_path / "kafka") as node:
        nobody_answers(kafka_site(tmp_path / "site", people, node, REPLAY), tmp_path)


def nobody_answers(site: Site, tmp_path: Path) -> None:
    Ledger.open(site.ledger).close()
    said = site(
        "surge",
        "--curve",
        "flat",
        "--minutes",
        0.1,
        "--selfies",
        4,
        "--people",
        4,
        "--folder",
        tmp_path / "report",
        "--patience-s",
        1,
    )
    assert said.code == 1
    assert "no pipeline answers" in said.problem()


@pytest.mark.kafka
@pytest.mark.slow
def test_ctrl_c_ends_the_sending_and_still_reports(people: list[RealPerson], tmp_path: Path) -> None:
    with fresh_node(tmp_path / "kafka") as node, served(tmp_path / "site", people, node) as site:
        options = ("--curve", "flat", "--minutes", 60, "--people", 20_000, "--selfies", 4, "--folder", tmp_path)
        with program("surge", *options, "--config", site.config, folder=tmp_path / "said") as started:
            started.wait_until(lambda: "mengirim" in started.err())
            wait_for_a_row(site, started)
            assert started.signal(signal.SIGINT) == 3, started.err()
        document = json.loads((tmp_path / "surge.json").read_text(encoding="utf-8"))
        assert document["stopped_early"] is True
        assert document["passed"] is True
        assert 0 < document["check_ins"] == document["ledger_rows"] < document["planned"]


def wait_for_a_row(site: Site, started: Program) -> None:
    """More than the canary's own."""
    ledger = Ledger.open(site.ledger, migrate=False)
    started.wait_until(lambda: ledger.counts().rows > 3)
    ledger.close()
