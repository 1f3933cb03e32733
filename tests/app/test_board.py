"""What the live view and the reports count."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.app.board import Board, percentiles


def test_percentiles_of_nothing_are_nothing() -> None:
    assert percentiles([]) is None


def test_percentiles_of_a_hundred_steps() -> None:
    found = percentiles([step / 100 for step in range(101)])
    assert found is not None
    assert [found.p50, found.p95, found.p99] == pytest.approx([0.5, 0.95, 0.99])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_percentiles_rise_and_lie_within(latencies_s: list[float]) -> None:
    found = percentiles(latencies_s)
    assert found is not None
    slack = 1e-9 * max(latencies_s)
    assert min(latencies_s) - slack <= found.p50 <= found.p95 + slack
    assert found.p95 <= found.p99 + slack <= max(latencies_s) + 2 * slack


def test_what_is_closed_is_a_row_a_repetition_or_a_letter_without_a_row() -> None:
    board = Board()
    board.decided("review", ["processing_failed"], "", 0.1, 1.0)
    board.dead_letter("processing_failed", 2.0)
    board.dead_letter("undecodable", 3.0)
    board.duplicate(4.0)
    sheet = board.sheet()
    assert (sheet.decided, sheet.duplicates, sheet.without_row) == (1, 1, 1)
    assert sheet.closed == 3
    assert sheet.closed_at_s == (1.0, 3.0, 4.0)


def test_a_sheet_does_not_change_any_more() -> None:
    board = Board()
    before = board.sheet()
    board.decided("accepted", ["ok", "repeated"], "", 0.1, 1.0)
    board.received(3, 1.0)
    assert (before.decided, before.received) == (0, 0)
    assert board.sheet().reasons == {("accepted", "ok"): 1, ("accepted", "repeated"): 1}


def test_a_board_of_a_run_without_end_counts_everything_and_keeps_the_latest() -> None:
    board = Board(keep=3)
    for number in range(10):
        board.received(2, float(number))
        board.decided("accepted", ["ok"], "", float(number), float(number))
        board.moment(f"moment {number}", float(number))
    sheet = board.sheet()
    assert (sheet.received, sheet.decided, sheet.closed, sheet.outcomes["accepted"]) == (20, 10, 10, 10)
    assert sheet.latencies_s == sheet.decided_at_s == sheet.closed_at_s == (7.0, 8.0, 9.0)
    assert sheet.received_at_s == (8.0, 9.0, 9.0)
    assert [text for _, text in sheet.moments] == ["moment 7", "moment 8", "moment 9"]


def test_many_threads_lose_no_count() -> None:
    board = Board()

    def work() -> None:
        for _ in range(500):
            board.received(2, 0.0)
            board.decided("accepted", ["ok"], "", 0.1, 0.0)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (board.sheet().received, board.sheet().decided) == (4000, 2000)
