"""The scale benchmark runs, at a tiny size: a Ray of its own, so in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.ray

ROOT = Path(__file__).parents[2]
TINY = """
import json
from benchmarks.search_scale import ScaleSize, measure
print(json.dumps(measure(1, ScaleSize(people=(300, 1_100), batches=(1, 4), searches=1, compared=3)).document()))
"""


def test_shards_and_one_process_answer_as_a_scan_of_everybody_does() -> None:
    done = subprocess.run(
        [sys.executable, "-c", TINY], cwd=ROOT, capture_output=True, text=True, timeout=120, check=True
    )
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["passed"]
    for people in (300, 1_100):
        assert said["figures"][f"people_{people}_differing_answers"]["median"] == 0
        assert said["figures"][f"people_{people}_batch_4_sharded_ms"]["median"] > 0
