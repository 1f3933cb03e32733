"""A server whose clock is set while it works: the log's time rules, and nothing waits an hour for it."""

from __future__ import annotations

import time

import pytest

from hadir.core.clock import SystemClock
from hadir.core.verdict import Outcome
from tests.chaos.morning import MemorySite, open_morning, people

HOUR_MS = 3_600_000


class SetClock(SystemClock):
    """The wall clock was set; the monotonic one knows nothing of it."""

    def __init__(self) -> None:
        self.off_ms = 0

    def now_ms(self) -> int:
        return super().now_ms() + self.off_ms

    def monotonic_s(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("jump_ms", [-HOUR_MS, HOUR_MS], ids=["back", "forward"])
def test_a_clock_that_jumps_moves_no_reception_and_no_outcome(sqlite_url: str, jump_ms: int) -> None:
    clock = SetClock()
    with open_morning(MemorySite(SystemClock()), sqlite_url) as morning:
        morning.send(people(10, persons=10))
        morning.member(clock=clock)
        morning.wait_for_rows()
        clock.off_ms = jump_ms
        later = people(10, persons=10)
        sent_ms = SystemClock().now_ms()
        morning.send(later)
        morning.settle()
        rows = morning.ledger.known({one.id for one in later}).values()
        assert all(abs(row.received_at_ms - sent_ms) < HOUR_MS // 2 for row in rows)
        assert {row.outcome for row in rows} == {Outcome.ACCEPTED, Outcome.REJECTED}, "as of any other ten"
        assert all(abs(row.decided_at_ms - sent_ms - jump_ms) < HOUR_MS // 2 for row in rows), "which tells of the jump"
