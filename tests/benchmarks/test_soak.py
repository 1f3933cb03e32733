"""Whether growth is found in samples of memory, and flatness left alone; and that a soak runs, at a tiny size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._memory import BLOCKS, MemoryWatch, Sample, memory_svg, slope_of
from benchmarks._rounds import Spread
from benchmarks.soak import MOST_MB_PER_H, _bars
from dev.kafka.node import missing_part
from dev.postgres import programs

ROOT = Path(__file__).parents[2]


def samples(mb_per_h: float, noise_mb: float, seed: int, minutes: float = 60.0) -> list[Sample]:
    at_s = np.arange(0.0, 60 * minutes, 2.0)
    noise = np.random.default_rng(seed).normal(0, noise_mb, len(at_s))
    return [Sample(float(t), 200 + mb_per_h * float(t) / 3600 + float(n)) for t, n in zip(at_s, noise, strict=True)]


@given(st.floats(-50, 50))
def test_a_straight_line_has_its_own_slope(mb_per_h: float) -> None:
    slope = slope_of(samples(mb_per_h, 0.0, 1), from_s=0.0)
    assert slope is not None
    assert slope.mb_per_h == pytest.approx(mb_per_h, abs=1e-6)
    assert slope.low <= slope.high


def test_the_interval_holds_the_true_slope_about_as_often_as_it_says() -> None:
    slopes = [slope_of(samples(3.0, 2.0, seed), from_s=0.0) for seed in range(200)]
    held = sum(one is not None and one.low <= 3.0 <= one.high for one in slopes)
    assert 180 <= held <= 199


def test_what_grew_while_it_warmed_up_does_not_count() -> None:
    warming = [Sample(float(t), 100.0 + min(t, 600)) for t in range(0, 3600, 2)]
    slope = slope_of(warming, from_s=600.0)
    assert slope is not None
    assert slope.mb_per_h == pytest.approx(0.0, abs=1e-9)


def test_too_few_samples_have_no_slope() -> None:
    assert slope_of(samples(1.0, 0.0, 1)[: 2 * BLOCKS - 1], from_s=0.0) is None


def test_in_an_hour_a_process_that_may_grow_fails_and_in_less_only_one_that_does() -> None:
    low, high = MOST_MB_PER_H - 4, MOST_MB_PER_H + 4
    figures = {
        "station_mb_per_h_low": Spread((low,)),
        "station_mb_per_h_high": Spread((high,)),
        "faults": Spread((0.0,)),
    }
    assert all(bar.holds(figures) for bar in _bars(figures, full=False))
    assert not all(bar.holds(figures) for bar in _bars(figures, full=True))


def test_every_process_is_seen_by_its_kind() -> None:
    with MemoryWatch(lambda: {"this": [psutil.Process()], "gone": []}) as watch:
        pass
    assert set(watch.series) == {("this", os.getpid())}
    assert watch.series["this", os.getpid()][0].rss_mb > 5
    assert memory_svg(watch.series, 0.0).startswith("<svg")


@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.long
@pytest.mark.skipif(missing_part() is not None, reason=f"no real Kafka: {missing_part()}")
@pytest.mark.skipif(programs() is None, reason="no PostgreSQL server on this machine")
def test_a_soak_runs_and_leaves_its_samples(tmp_path: Path) -> None:
    program = (
        "import json; from pathlib import Path; from benchmarks.soak import SoakSize, measure; "
        "size = SoakSize(people=30, burst=30, burst_per_s=60, city=60, photos=7, pool='inline', "
        f"folder=Path({str(tmp_path)!r})); print(json.dumps(measure(1, 0.1, size).document()))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    document = json.loads(done.stdout)
    assert document["figures"]["faults"]["median"] == 0
    assert "shortened" in document["conditions"]["minutes"]
    assert document["left_out"]
    seen = json.loads((tmp_path / "soak.json").read_text(encoding="utf-8"))["rss_mb_by_second"]
    assert {name.split()[0] for name in seen} == {"station", "broker"}
    assert "<svg" in (tmp_path / "soak.html").read_text(encoding="utf-8")
