"""What `make kafka-*` tells people and recipes about the broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from dev.kafka import node as recipes
from dev.kafka.node import Node


def test_where_no_broker_runs_status_fails_and_recipes_get_no_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recipes, "HOME", tmp_path)
    assert recipes.main(["status"]) == 1
    assert "make kafka-up" in capsys.readouterr().out
    assert recipes.main(["address"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.kafka
def test_a_broker_on_another_port_than_the_settings_says_how_to_reach_it(
    kafka_node: Node, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(recipes, "HOME", Path(kafka_node.folder))
    assert recipes.main(["address"]) == 0
    assert capsys.readouterr().out == f"{kafka_node.cluster.bootstrap}\n"
    for command in ("up", "status"):
        assert recipes.main([command]) == 0
        assert f"export HADIR_KAFKA__BOOTSTRAP={kafka_node.cluster.bootstrap}" in capsys.readouterr().out
