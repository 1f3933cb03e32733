"""The benchmark of normalisation runs, at a tiny size."""

from __future__ import annotations

from benchmarks.normalisation import NormalisationSize, measure


def test_what_each_part_adds_is_told_beside_the_models() -> None:
    report = measure(rounds=2, size=NormalisationSize(people=150, photos=4, batch=2, repeats=1))
    for name in ("models", "stage", "normalise", "watch"):
        assert min(report.figures[f"{name}_us_per_photo"].rounds) > 0
    assert {bar.figure for bar in report.bars} == {"normalise_over_models", "watch_us_per_photo"}
