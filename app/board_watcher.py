"""From what the stream tells to the board that people look at."""

from __future__ import annotations

from hadir.app.board import Board
from hadir.attendance.wording import sentence
from hadir.core.clock import Clock
from hadir.pipeline.observer import InHand, Served, Written

__all__ = ["BoardWatcher"]


class BoardWatcher:
    """An Observer of the stream, and of the snapshots that serve. Times on the board are seconds since it was made."""

    def __init__(self, board: Board, clock: Clock) -> None:
        self._board = board
        self._clock = clock
        self._start_s = clock.monotonic_s()
        self._oldest_ms: int | None = None

    def now_s(self) -> float:
        """Seconds since the start."""
        return self._clock.monotonic_s() - self._start_s

    def oldest_s(self) -> float:
        """Age of the oldest undecided check-in in seconds, 0 where there is none."""
        oldest_ms = self._oldest_ms
        return 0.0 if oldest_ms is None else max(0.0, (self._clock.now_ms() - oldest_ms) / 1000)

    def on_received(self, records: int) -> None:
        self._board.received(records, self.now_s())

    def on_batch(self, photos: int, limit: int) -> None: ...

    def on_written(self, written: Written) -> None:
        for row in written.rows:
            says = sentence(row.outcome, row.reasons, row.minutes, row.distance_m, row.field)
            reasons = [reason.value for reason in row.reasons]
            latency_s = max(0.0, (written.at_ms - row.received_at_ms) / 1000)
            self._board.decided(row.outcome.value, reasons, says.id, latency_s, self.now_s())
        for _ in range(written.duplicates):
            self._board.duplicate(self.now_s())
        for code in written.dead_letters:
            self._board.dead_letter(code, self.now_s())

    def on_in_hand(self, in_hand: InHand) -> None:
        self._oldest_ms = in_hand.oldest_received_at_ms

    def on_retry(self, part: str, code: str) -> None:
        self._board.moment(f"{part}: {code}", self.now_s())

    def on_serving(self, served: Served) -> None:
        before = self._board.sheet().snapshot
        self._board.serves(served.snapshot, self.now_s())
        if before:
            self._board.moment(f"indeks · snapshot {before} → {served.snapshot}", self.now_s())

    def on_refused(self, snapshot: str | None, code: str) -> None:
        self._board.moment(f"indeks ditolak · snapshot {snapshot or '?'} refused: {code}", self.now_s())
