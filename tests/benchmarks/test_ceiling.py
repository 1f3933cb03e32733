"""The ceiling runs, at a tiny size."""

from __future__ import annotations

from benchmarks._conditions import cores
from benchmarks.ceiling import CeilingSize, measure


def test_models_time_is_part_of_a_photos_time_and_every_process_is_measured() -> None:
    report = measure(rounds=1, size=CeilingSize(selfies=3, passes=1, stand_ins=20, batch=2))
    medians = {name: spread.median for name, spread in report.figures.items()}
    assert 0 < medians["one_process_inside_session_run_ms_per_photo"] < medians["one_process_whole_ms_per_photo"]
    assert medians["one_process_whole_over_inside"] > 1
    assert medians["all_cores_photos_per_s"] > 0
    assert medians["all_cores_rss_mb"] > 50
    assert report.conditions["processes"] == cores()
    assert report.conditions["people_in_index"] == 23
    assert [bar.figure for bar in report.bars] == ["one_process_whole_over_inside"]
