"""The benchmark of replays runs, at a tiny size."""

from __future__ import annotations

from benchmarks.replay import ReplaySize, measure


def test_mark_look_up_and_remembering_stand_against_the_models() -> None:
    report = measure(rounds=1, size=ReplaySize(remembered=(0, 300), batch=8, batches=2, selfies=2))
    compared = {name for name in report.figures if name.endswith("_over_models")}
    parts = {f"{what}_among_{count}" for what in ("look_up", "remember") for count in (0, 300)}
    assert compared == {f"{name}_over_models" for name in parts | {"mark", "mark_and_largest"}}
    assert {bar.figure for bar in report.bars} <= compared
    assert report.conditions["memory_mb_of_300"] is not None
