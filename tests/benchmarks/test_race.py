"""The race: lanes take turns, and what is said at the end is what was run."""

from __future__ import annotations

import io
from collections.abc import Mapping

import pytest
from rich.console import Console

from benchmarks._race import LANES, Runner, main, race, ratio_lines


def quiet() -> Console:
    return Console(file=io.StringIO())


def test_the_lanes_take_turns_until_their_slices_have_taken_the_time() -> None:
    turns: list[str] = []

    def side(lane: str, photos_per_s: float) -> Mapping[str, float]:
        turns.append(lane)
        return {"photos_per_s": photos_per_s}

    sides = {
        "open_front": lambda: side("open_front", 100.0),
        "insightface_loop": lambda: side("insightface_loop", 25.0),
    }
    runners = race(sides, 20.0, {"open_front": 200, "insightface_loop": 100}, quiet())
    assert turns == ["open_front", "insightface_loop"] * 3 + ["open_front"]
    assert runners["open_front"].seconds == pytest.approx(8.0)
    assert runners["insightface_loop"].photos == 300


def test_every_lane_runs_at_least_once() -> None:
    sides = {lane: lambda: {"photos_per_s": 10.0} for lane in LANES}
    runners = race(sides, 0.1, dict.fromkeys(LANES, 100), quiet())
    assert [runner.photos for runner in runners.values()] == [100] * 4


def test_both_ratios_are_said_against_both_ways_to_run_the_loop() -> None:
    rates = {"open_front": 200.0, "insightface_loop": 40.0, "same_models": 80.0, "insightface_processes": 100.0}
    runners = {lane: Runner(LANES[lane], rate, 1.0) for lane, rate in rates.items()}
    first, second = ratio_lines(runners)
    assert "5.00 × the plain loop, 2.00 × the loop in a process per core" in first
    assert "2.00 × the plain loop, 0.80 × the loop in a process per core" in second


def test_without_a_pack_it_says_how_to_name_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "OPENCV_FOR_THREADS_NUM"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("HADIR_BENCH_PACK", str(tmp_path_factory.mktemp("empty")))
    assert main([]) == 1
    assert "make race PACK=FOLDER" in capsys.readouterr().err
