"""The re-embedding benchmark runs, at a tiny size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks._report import ONE_THREAD

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import json
from benchmarks.reindex import ReindexSize, measure
print(json.dumps(measure(rounds=1, size=ReindexSize(photos=40)).document()))
"""


@pytest.mark.ray
@pytest.mark.slow
def test_the_whole_job_is_compared_with_the_models_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env=os.environ | ONE_THREAD,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = {name: figure["median"] for name, figure in json.loads(done.stdout)["figures"].items()}
    assert figures["job_of_ceiling"] == pytest.approx(figures["job_photos_per_s"] / figures["ceiling_photos_per_s"])
    assert figures["job_of_ceiling_by_cpu"] == pytest.approx(
        figures["ceiling_cpu_ms_per_photo"] / figures["job_cpu_ms_per_photo"]
    )
    assert figures["job_start_up_s"] > 0
