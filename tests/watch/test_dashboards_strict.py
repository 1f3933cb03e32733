"""Grafana's own schema finds no fault in the dashboards, and finds those that are planted."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dev.watch.dashboards import dashboard_files
from dev.watch.strict import faults_in, missing_part

pytestmark = [
    pytest.mark.long,
    pytest.mark.timeout(900),
    pytest.mark.skipif(missing_part() is not None, reason=missing_part() or ""),
]


def _written(folder: Path, files: dict[str, str]) -> list[Path]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in files]


def test_grafanas_schema_takes_every_dashboard(tmp_path: Path) -> None:
    assert faults_in(_written(tmp_path, dashboard_files())) == []


def _unknown_field(dashboard: dict[str, Any]) -> None:
    dashboard["panels"][0]["options"]["colour"] = "red"


def _wrong_type(dashboard: dict[str, Any]) -> None:
    dashboard["panels"][0]["fieldConfig"]["defaults"]["decimals"] = "one"


def _missing_field(dashboard: dict[str, Any]) -> None:
    del dashboard["panels"][0]["gridPos"]["x"]


@pytest.mark.parametrize(
    ("plant", "named"), [(_unknown_field, "colour"), (_wrong_type, "decimals"), (_missing_field, "x")]
)
def test_a_planted_fault_is_found_by_name(tmp_path: Path, plant: Callable[[dict[str, Any]], None], named: str) -> None:
    dashboard = json.loads(dashboard_files()["surge.json"])
    plant(dashboard)
    (fault,) = faults_in(_written(tmp_path, {"surge.json": json.dumps(dashboard)}))
    assert named in fault
