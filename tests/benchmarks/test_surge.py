"""The surges of the benchmark run, at a tiny size, through real Kafka and PostgreSQL."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks._own_pipeline import faults_of
from benchmarks.surge import BARS
from dev.kafka.node import missing_part
from dev.postgres import programs

ROOT = Path(__file__).parents[2]
PROGRAM = """
import json
from benchmarks.surge import SurgeSize, measure
size = SurgeSize(people=60, steady_per_s=10, steady_s=2, step_per_s=20, step_s=1, city=80, photos=7, batch=4,
                 pool="inline")
print(json.dumps(measure(1, 10.0, size).document()))
"""


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}")
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server on this machine")
def test_morning_load_and_step_are_each_decided_without_a_fault() -> None:
    program = PROGRAM.replace("10.0, size", "0.05, size")
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document: dict[str, Any] = json.loads(done.stdout)
    medians = {name: figure["median"] for name, figure in document["figures"].items()}
    assert (medians["morning_faults"], medians["steady_faults"], medians["step_faults"]) == (0, 0, 0)
    assert (medians["steady_check_ins"], medians["step_check_ins"]) == (20, 20)
    assert medians["ceiling_photos_per_s"] > 0
    assert medians["steady_of_ceiling"] == pytest.approx(medians["steady_per_s"] / medians["ceiling_photos_per_s"])
    assert medians["morning_generator_cores"] > 0
    assert {bar["figure"] for bar in document["bars"]} == {bar.figure for bar in BARS} <= medians.keys()
    assert "shortened: the bar is for 10" in document["conditions"]["morning"]


def test_every_kind_of_trouble_is_a_fault() -> None:
    good: dict[str, Any] = {
        "missing": 0,
        "doubled": 0,
        "wrong_verdicts": 0,
        "open": 0,
        "invariants": [{"holds": True}, {"holds": None}],
    }
    assert faults_of(good) == 0
    for trouble in ("missing", "doubled", "wrong_verdicts", "open"):
        assert faults_of({**good, trouble: 2}) == 2
    assert faults_of({**good, "invariants": [{"holds": False}, {"holds": True}]}) == 1
