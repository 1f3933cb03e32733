"""Late is who takes far longer than the others do."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hadir.actors.pace import LATE_FACTOR, LATE_FLOOR_S, LEAST_SAMPLES, Pace


def paced(seat: int, each_s: float, calls: int = LEAST_SAMPLES) -> Pace:
    pace = Pace()
    for _ in range(calls):
        pace.took(seat, 32, 32 * each_s)
    return pace


def test_nobody_is_late_while_little_is_known_of_the_others() -> None:
    assert paced(0, 0.1, LEAST_SAMPLES - 1).limit_s(1, 32) is None


def test_nobody_is_measured_by_their_own_pace() -> None:
    assert paced(0, 0.1).limit_s(0, 32) is None


def test_the_limit_grows_with_the_photos_in_hand() -> None:
    pace = paced(0, 0.1)
    assert pace.limit_s(1, 32) == LATE_FACTOR * 32 * 0.1
    assert pace.limit_s(1, 64) == LATE_FACTOR * 64 * 0.1


@given(st.floats(0, 0.001), st.integers(1, 64))
def test_below_the_floor_nobody_is_late(each_s: float, photos: int) -> None:
    assert paced(0, each_s).limit_s(1, photos) == LATE_FLOOR_S


def test_one_slow_call_among_many_moves_no_limit() -> None:
    pace = paced(0, 0.1)
    pace.took(0, 32, 100.0)
    assert pace.limit_s(1, 32) == LATE_FACTOR * 32 * 0.1
