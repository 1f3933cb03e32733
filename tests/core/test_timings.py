"""Laps between stages: what is measured adds up, and belongs to one batch."""

from __future__ import annotations

from collections.abc import Iterator

from hadir.core.timings import StageClock, StageName


def clock_of(*readings_s: float) -> StageClock:
    readings: Iterator[float] = iter(readings_s)
    return StageClock(lambda: next(readings))


def test_the_time_since_the_last_lap_belongs_to_the_stage_that_ended() -> None:
    clock = clock_of(0.0, 10.0, 11.0, 11.5)
    clock.start()
    clock.lap(StageName.DECODE)
    clock.lap(StageName.DETECT)
    assert clock.spent() == {StageName.DECODE: 1.0, StageName.DETECT: 0.5}


def test_a_stage_that_comes_again_in_a_batch_is_added_up() -> None:
    clock = clock_of(0.0, 0.0, 1.0, 3.0, 4.0)
    clock.start()
    for stage in (StageName.DECODE, StageName.DETECT, StageName.DECODE):
        clock.lap(stage)
    assert clock.spent() == {StageName.DECODE: 2.0, StageName.DETECT: 2.0}


def test_a_batch_that_broke_off_leaves_nothing_to_the_next() -> None:
    clock = clock_of(0.0, 0.0, 5.0, 100.0, 101.0)
    clock.start()
    clock.lap(StageName.EMBED)
    clock.start()
    clock.lap(StageName.SEARCH)
    assert clock.spent() == {StageName.SEARCH: 1.0}
