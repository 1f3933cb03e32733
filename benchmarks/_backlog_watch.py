"""Sees when a backlog is through: every record written to the ledger, every verdict acknowledged by its topic."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Sequence

from hadir.core.errors import SetupError
from hadir.core.message import Message
from hadir.pipeline.observer import InHand, Written
from hadir.pipeline.ports import Sink
from hadir.pipeline.topics import VERDICTS

__all__ = ["BacklogWatch", "NotedSink"]


class BacklogWatch:
    """An Observer of the stream, and what the relay's sink tells. `done_s` is on the clock of `time.perf_counter`."""

    def __init__(self, expected: int) -> None:
        self._expected = expected
        self._published = 0
        self._settled = 0
        self._all_published = threading.Event()
        self._batches: list[int] = []
        self._transactions: list[int] = []
        self.outcomes: Counter[str] = Counter()
        self.done_s = 0.0

    @property
    def written(self) -> bool:
        """Whether every record has become something durable."""
        return self._settled >= self._expected

    @property
    def mean_batch(self) -> float:
        """Photos per batch that went to a worker."""
        return sum(self._batches) / len(self._batches)

    @property
    def mean_transaction(self) -> float:
        """Check-ins per transaction of the ledger."""
        return sum(self._transactions) / len(self._transactions)

    def wait_published(self, patience_s: float) -> None:
        """Until the last verdict is acknowledged. Raises SetupError where it is not in time."""
        if not self._all_published.wait(patience_s):
            raise SetupError(
                f"{self._published} of {self._expected} verdicts published {patience_s:.0f} s after the last row"
            )

    def require_all(self) -> None:
        """Raises SetupError where a check-in has no row of its own: then the figure is not what it says."""
        if (rows := self.outcomes.total()) != self._expected:
            raise SetupError(f"{rows} rows for {self._expected} check-ins: see the log, and do not quote this figure")

    def published(self, messages: Sequence[Message]) -> None:
        """These are on their topics; called from the relay's thread."""
        self._published += sum(message.topic == VERDICTS for message in messages)
        self.done_s = time.perf_counter()
        if self._published >= self._expected:
            self._all_published.set()

    def on_received(self, records: int) -> None: ...

    def on_batch(self, photos: int, limit: int) -> None:
        del limit
        self._batches.append(photos)

    def on_written(self, written: Written) -> None:
        self.outcomes.update(row.outcome.value for row in written.rows)
        self._transactions.append(len(written.rows))
        self._settled += len(written.rows) + written.duplicates + len(written.dead_letters)

    def on_in_hand(self, in_hand: InHand) -> None: ...

    def on_retry(self, part: str, code: str) -> None: ...


class NotedSink:
    """A sink that tells the watch what its topics have acknowledged."""

    def __init__(self, sink: Sink, watch: BacklogWatch) -> None:
        self._sink, self._watch = sink, watch

    def send(self, messages: Sequence[Message]) -> None:
        self._sink.send(messages)
        self._watch.published(messages)

    def close(self) -> None:
        self._sink.close()
