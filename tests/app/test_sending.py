"""Sending where nobody decides."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from tests.app.kafka_site import kafka_site


@pytest.mark.kafka
def test_who_does_not_wait_long_enough_hears_that_nothing_is_lost(
    kafka_node: Node, people: list[RealPerson], tmp_path: Path
) -> None:
    site = kafka_site(tmp_path, people, kafka_node, "")
    said = site("send", site.list_of([{"person": "P9", "channel": "paper"}]), "--wait-s", 0.2, "--json")
    assert said.code == 3
    assert said.document()["answered"] == 0
    assert "1 of 1 not decided within 0.2 s" in said.problem()
