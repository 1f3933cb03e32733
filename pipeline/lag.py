"""How far the ledger is behind the log, and since when: looked up beside the loop, so that a loop or a consumer that
hangs cannot hide it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import structlog

from hadir.core.clock import Clock
from hadir.core.errors import HadirError
from hadir.pipeline.log_reads import LastingLogReader, Stretch

__all__ = ["LOOK_S", "LagWatch"]

LOOK_S = 5.0
"""Two small questions, to the brokers and to the database, so often."""
BLIND_LOOKS = 3
"""After so many looks without an answer nothing is known any more."""
CLOSE_S = 5.0
"""The end of a run does not wait longer for an answer."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Waiting:
    """The first record of a partition that is not decided: since when it is seen, whether it was so at the look before
    this one too, and its own time where it has been read."""

    offset: int
    seen_s: float
    still: bool = False
    received_at_ms: int | None = None


class LagWatch:
    """A thread that looks every `LOOK_S`. `records` and `oldest_age_s` may be asked from any thread, at no cost.

    What the age means: where a position stands before the same record at two looks, that record is read for its time:
    the age is exact, also of what was never fetched, and is there five to ten seconds after the partition stopped. A
    partition that moves is not counted here: its oldest record is in the loop's hands, and the loop knows its age. In a
    healthy surge nothing stands for so long, and nothing is read. Where log or ledger have not answered for three looks
    (fifteen seconds), nobody can say what has arrived: the age is then the time since they last did, which is the most
    that anybody may have waited unseen.
    """

    def __init__(
        self,
        reader: LastingLogReader,
        positions: Callable[[], Mapping[int, int]],
        partitions: Callable[[], Collection[int]],
        *,
        topic: str,
        group: str,
        clock: Clock,
    ) -> None:
        """Args:
        reader: of the log; used and closed by this thread alone.
        positions: the ledger's next offsets, of partitions that have one; may raise HadirError.
        partitions: those that this member reads now.
        topic, group: of the check-ins; where the ledger knows nothing of a partition, the group's commit stands.
        """
        self._reader, self._positions, self._partitions = reader, positions, partitions
        self._topic, self._group, self._clock = topic, group, clock
        self._waiting: dict[int, _Waiting] = {}
        self._records = 0
        self._looked_s = clock.monotonic_s()
        self._failing = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="hadir-lag", daemon=True)

    def records(self) -> int:
        """As of the last look that was answered."""
        return self._records

    def oldest_age_s(self) -> float:
        """Seconds; 0 where nothing waits. As the class says."""
        now_s = self._clock.monotonic_s()
        ages = [self._age_s(waiting, now_s) for waiting in self._waiting.values() if waiting.still]
        if now_s - self._looked_s > BLIND_LOOKS * LOOK_S:
            ages.append(now_s - self._looked_s)
        return max(ages, default=0.0)

    def look(self) -> None:
        """Ask log and ledger. The thread does nothing but this, again and again."""
        try:
            behind = self._behind()
            self._waiting = {p: self._seen(p, stretch.first) for p, stretch in behind.items()}
            self._read_times()
        except HadirError as err:
            self._fail(err.code, str(err))
            return
        except Exception as err:  # noqa: BLE001 - a client's own mistake must not end the watch, and so raise an alarm
            self._fail("unexpected", type(err).__name__)
            return
        self._records = sum(stretch.end - stretch.first for stretch in behind.values())
        self._looked_s = self._clock.monotonic_s()
        self._failing = False

    def _fail(self, code: str, error: str) -> None:
        """Say once that nothing is known, not at every look."""
        if not self._failing:
            _log.warning("lag_not_known", code=code, error=error)
        self._failing = True

    def _behind(self) -> dict[int, Stretch]:
        """What is in the log of this member's partitions and the ledger has not got past."""
        mine = frozenset(self._partitions())
        if not mine:
            return {}
        bounds = {p: stretch for p, stretch in self._reader.bounds(self._topic).items() if p in mine}
        stands = dict(self._positions())
        if bounds.keys() - stands.keys():
            stands = self._reader.committed(self._topic, self._group) | stands
        stretches = (Stretch(p, max(stands.get(p, one.first), one.first), one.end) for p, one in sorted(bounds.items()))
        return {one.partition: one for one in stretches if one.first < one.end}

    def _seen(self, partition: int, offset: int) -> _Waiting:
        before = self._waiting.get(partition)
        if before is None or before.offset != offset:
            return _Waiting(offset, self._clock.monotonic_s())
        before.still = True
        return before

    def _read_times(self) -> None:
        """Each record that is waited for is read once, all of them in one go."""
        due = {
            partition: waiting
            for partition, waiting in self._waiting.items()
            if waiting.still and waiting.received_at_ms is None
        }
        if not due:
            return
        stretches = [Stretch(partition, one.offset, one.offset + 1) for partition, one in due.items()]
        for records in self._reader.read(self._topic, stretches):
            for record in records:
                due[record.partition].received_at_ms = record.timestamp_ms

    def _age_s(self, waiting: _Waiting, now_s: float) -> float:
        if waiting.received_at_ms is None:
            return now_s - waiting.seen_s
        return max(0.0, (self._clock.now_ms() - waiting.received_at_ms) / 1000)

    def _serve(self) -> None:
        while not self._end.is_set():
            self.look()
            self._end.wait(LOOK_S)
        self._reader.close()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._end.set()
        self._thread.join(CLOSE_S)
