"""The search benchmark runs, at a tiny size."""

from __future__ import annotations

from benchmarks.search import SearchSize, measure


def test_every_size_and_batch_is_compared_with_the_plain_product() -> None:
    report = measure(rounds=2, size=SearchSize(people=(150, 300), batches=(1, 8), probes=16))
    compared = {name for name in report.figures if name.endswith("_index_over_plain")}
    assert compared == {f"people_{people}_batch_{batch}_index_over_plain" for people in (150, 300) for batch in (1, 8)}
    assert all(len(spread.rounds) == 2 and min(spread.rounds) > 0 for spread in report.figures.values())
    assert {bar.figure for bar in report.bars} == {name for name in compared if "batch_8" in name}
