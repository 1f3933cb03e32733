"""Whether cores are split into idle and work as they should be, and that a sizing runs, at a tiny size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._cpu_watch import CpuWatch
from benchmarks.sizing import cores_of
from dev.kafka.node import missing_part
from dev.postgres import programs

ROOT = Path(__file__).parents[2]


@given(st.floats(0, 2), st.floats(1, 50))
def test_what_is_idle_and_what_is_work_are_told_apart(idle: float, ms: float) -> None:
    rates = (5.0, 10.0, 40.0, 100.0)
    found = cores_of(rates, [idle + rate * ms / 1000 for rate in rates])
    assert found == pytest.approx((idle, ms), abs=1e-6)


def test_processor_time_in_the_block_is_counted_and_none_from_before() -> None:
    _work(0.3)
    with CpuWatch(lambda: {"this": [psutil.Process()]}) as watch:
        _work(0.2)
    assert 0.15 <= watch.seconds()["this"] <= 0.29


def test_a_process_that_comes_meanwhile_counts_from_its_start() -> None:
    started: list[psutil.Process] = []
    working = "import time\nwhile time.process_time() < .3: pass\nprint(flush=True)\ninput()"
    child = subprocess.Popen([sys.executable, "-c", working], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with CpuWatch(lambda: {"late": started}) as watch, child:
        assert child.stdout is not None
        child.stdout.readline()
        started.append(psutil.Process(child.pid))
        watch.look()
        child.communicate(b"\n")
    assert watch.seconds()["late"] >= 0.25


def _work(seconds: float) -> None:
    clock = psutil.Process()
    until_s = sum(clock.cpu_times()[:2]) + seconds
    while sum(clock.cpu_times()[:2]) < until_s:
        pass


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}")
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server on this machine")
def test_a_sizing_runs() -> None:
    program = (
        "import json; from benchmarks.sizing import SizingSize, measure; "
        "size = SizingSize(rates_per_s=(2, 6), seconds=5, people=30, city=60, photos=7, pool='inline'); "
        "print(json.dumps(measure(1, size).document()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)["figures"]
    assert figures["cores_per_10000_people"]["median"] > 0
    assert figures["at_6_per_s_station_cpu_ms_per_check_in"]["median"] > 0
