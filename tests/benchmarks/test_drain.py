"""The drain of a backlog runs, at a tiny size, with either ledger, and its shares add up."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks._conditions import cores
from dev.kafka.node import missing_part
from dev.postgres import programs

ROOT = Path(__file__).parents[2]
PROGRAM = (
    "import json; from benchmarks.drain import BacklogSize, measure; "
    "print(json.dumps(measure(1, BacklogSize(check_ins=40, selfies=4, stand_ins=20)).document()))"
)


@pytest.mark.ray
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}")
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server on this machine")
def test_a_backlog_is_drained_into_either_ledger() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout)
    medians = {name: figure["median"] for name, figure in document["figures"].items()}
    for ledger in ("sqlite", "postgresql"):
        rate, ceiling = medians[f"{ledger}_photos_per_s"], medians["ceiling_photos_per_s"]
        assert medians[f"{ledger}_accepted_share"] > 0.9
        assert medians[f"{ledger}_seconds"] == pytest.approx(40 / rate)
        assert medians[f"{ledger}_of_allowed"] == pytest.approx(medians[f"{ledger}_seconds"] / (40 / (0.85 * ceiling)))
        inside_ms = medians["ceiling_inside_models_ms_per_photo"]
        assert medians[f"{ledger}_models_busy"] == pytest.approx(inside_ms * rate / 1000 / cores())
    assert [bar["figure"] for bar in document["bars"]] == ["sqlite_of_allowed", "postgresql_of_allowed"]
