"""The contiguous prefix of a partition, with gaps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.pipeline.offsets import Track


def test_what_came_back_early_waits_for_what_is_before_it() -> None:
    track = Track[str]()
    first, second = track.add(3, "a"), track.add(4, "b")
    second.resolved = True
    assert track.prefix(10) == []
    first.resolved = True
    assert track.prefix(10) == [first, second]


def test_a_gap_in_offsets_is_no_record_that_is_missing() -> None:
    track = Track[str]()
    for offset in (3, 9, 40):
        track.add(offset, "a").resolved = True
    assert [entry.offset for entry in track.prefix(10)] == [3, 9, 40]


def test_a_record_out_of_order_is_refused() -> None:
    track = Track[str]()
    track.add(3, "a")
    for offset in (2, 3):
        with pytest.raises(ValueError, match="in order"):
            track.add(offset, "b")


def test_what_is_durable_is_forgotten_and_not_taken_again() -> None:
    track = Track[str]()
    for offset in (3, 4, 5):
        track.add(offset, str(offset))
    assert track.drop_below(5) == ["3", "4"]
    assert track.items() == ["5"]
    with pytest.raises(ValueError, match="in order"):
        track.add(4, "again")


@given(st.data())
def test_the_prefix_is_always_everything_before_the_first_unresolved(data: st.DataObject) -> None:
    offsets = sorted(data.draw(st.sets(st.integers(0, 200), min_size=1, max_size=30)))
    track = Track[int]()
    entries = [track.add(offset, offset) for offset in offsets]
    for entry in data.draw(st.permutations(entries)):
        entry.resolved = True
        unresolved = [e.offset for e in entries if not e.resolved]
        expected = [e.offset for e in entries if not unresolved or e.offset < unresolved[0]]
        assert [e.offset for e in track.prefix(1000)] == expected
        assert [e.offset for e in track.prefix(3)] == expected[:3]
