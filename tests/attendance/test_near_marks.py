"""Marks in memory: what brute force finds is found, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from hadir.attendance.near_marks import MOST_BITS, Marked, NearMarks, distances

WINDOW_MS = 1_000_000


def marked(words: NDArray[np.uint64], first: int = 0, received_ms: int | None = None) -> Marked:
    """Received one a millisecond, or all at once."""
    seq = np.arange(first, first + len(words))
    times = seq if received_ms is None else np.full(len(words), received_ms)
    return Marked(words, seq, times, np.zeros_like(seq), seq)


def drawn(count: int, seed: int = 0) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(0, 2**64, (count, 4), dtype=np.uint64)


def flipped(mark: NDArray[np.uint64], bits: list[int]) -> NDArray[np.uint64]:
    every = np.unpackbits(mark.view(np.uint8))
    every[bits] ^= 1
    return np.packbits(every).view(np.uint64)[None]


STORED = drawn(3000)


@pytest.fixture(scope="module")
def index() -> NearMarks:
    """Grown in small steps, as batches come."""
    made = NearMarks()
    for start in range(0, len(STORED), 37):
        made.add(marked(STORED[start : start + 37], start))
    return made


@settings(max_examples=300, deadline=None)
@given(st.integers(0, len(STORED) - 1), st.lists(st.integers(0, 255), max_size=30, unique=True))
def test_every_mark_within_the_distance_is_met_and_none_beyond(index: NearMarks, which: int, bits: list[int]) -> None:
    asked = marked(flipped(STORED[which], bits), 5000)
    assert index.near(asked, MOST_BITS, WINDOW_MS) == [[which] if len(bits) <= MOST_BITS else []]
    assert index.near(asked, 5, WINDOW_MS) == [[which] if len(bits) <= 5 else []]


def test_bits_crowded_into_one_piece_are_met_as_well(index: NearMarks) -> None:
    """The worst case: all eleven pieces but one differ in two bits, and that one in one."""
    crowded = [piece + 11 * turn for piece in range(11) for turn in (0, 1)][:MOST_BITS]
    assert index.near(marked(flipped(STORED[9], crowded), 5000), MOST_BITS, WINDOW_MS) == [[9]]


def test_many_are_asked_at_once_in_their_order(index: NearMarks) -> None:
    asked = np.concatenate([STORED[[5, 900]], drawn(1, seed=7), STORED[[2999]]])
    assert index.near(marked(asked, 5000), 0, WINDOW_MS) == [[5], [900], [], [2999]]
    assert index.near(marked(asked[:0]), 0, WINDOW_MS) == []


def test_only_earlier_ones_inside_the_window_are_met() -> None:
    index = NearMarks()
    index.add(marked(STORED[:1], first=4, received_ms=100))

    def met(received_ms: int, offset: int, window_ms: int = 50) -> bool:
        asked = Marked(STORED[:1], *(np.array([n]) for n in (0, received_ms, 0, offset)))
        return index.near(asked, 0, window_ms) == [[4]]

    assert met(100, 5)
    assert not met(100, 4)
    assert not met(99, 9)
    assert met(150, 0)
    assert not met(151, 0)


def test_a_later_copy_does_not_hide_an_earlier_one() -> None:
    """The newest of a bucket is met first; it came after the photo that is asked about."""
    index = NearMarks()
    index.add(marked(STORED[[0, 0]]))
    asked = Marked(STORED[:1], *(np.array([n]) for n in (0, 1, 0, 0)))
    assert index.near(asked, 0, WINDOW_MS) == [[0]]


def test_a_thousand_copies_end_the_search_where_some_are_met() -> None:
    index = NearMarks()
    index.add(marked(np.repeat(STORED[:1], 1000, axis=0)))
    [found] = index.near(marked(STORED[:1], 2000), 0, WINDOW_MS)
    assert found
    assert len(found) < 1000


def test_what_is_forgotten_is_met_no_more_and_its_room_is_used_again() -> None:
    index = NearMarks()
    words = drawn(5000, seed=3)
    taken = set()
    for start in range(0, 5000, 100):
        index.add(marked(words[start : start + 100], start))
        index.forget_before(start - 400)
        taken.add(index.bytes)
    assert len(index) == 5000 - 4500
    assert len(taken) == 1, "a ring that forgets need not grow"
    asked = marked(words[[4499, 4500, 4999]], 6000)
    assert index.near(asked, MOST_BITS, WINDOW_MS) == [[], [4500], [4999]]


def test_growing_keeps_everything() -> None:
    index = NearMarks()
    words = drawn(3000, seed=4)
    index.add(marked(words[:1000]))
    index.forget_before(10)
    index.add(marked(words[1000:], 1000))
    assert len(index) == 2990
    assert index.near(marked(words[[9, 10, 2999]], 6000), 0, WINDOW_MS) == [[], [10], [2999]]


def test_distances_count_differing_bits() -> None:
    one, other = np.zeros((1, 4), np.uint64), np.array([[1, 0, 3, 0], [0, 0, 0, 2**64 - 1]], np.uint64)
    assert distances(one, other).tolist() == [[3, 64]]
