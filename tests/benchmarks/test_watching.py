"""The benchmark of watching runs, at a tiny size."""

from __future__ import annotations

from benchmarks.watching import WatchingSize, measure


def test_the_loop_is_measured_with_and_without_those_who_watch() -> None:
    report = measure(rounds=1, size=WatchingSize(check_ins=70, together=8))
    for name in ("in_batches", "one_by_one"):
        watched, bare = report.figures[f"watched_{name}_us"].median, report.figures[f"bare_{name}_us"].median
        assert report.figures[f"watching_{name}_us"].median == watched - bare
    assert report.figures["worker_laps_us"].median > 0
    assert {bar.figure for bar in report.bars} <= report.figures.keys()
