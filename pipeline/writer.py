"""From resolved records to the ledger, then the offset; and what to do when the ledger says no."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import structlog

from hadir.attendance.ledger_batch import Advance, LedgerBatch
from hadir.core.clock import Clock
from hadir.core.errors import HadirError, LedgerConflict, LedgerUnavailable, PositionConflict, StoreUnavailable
from hadir.pipeline.backoff import Backoff
from hadir.pipeline.docket import Docket
from hadir.pipeline.gathering import Gathering
from hadir.pipeline.judge import Judge, Judged
from hadir.pipeline.limits import WritePolicy
from hadir.pipeline.observer import Observer, Written
from hadir.pipeline.ports import Source, VerdictLedger, Wake

__all__ = ["LedgerWriter"]

_log = structlog.get_logger(__name__)


class LedgerWriter:
    """Writes contiguous prefixes of all partitions in one transaction. An outage is waited for in place, never
    answered with a dead letter; a partition that another process has moved on is forgotten and read again."""

    def __init__(
        self,
        source: Source,
        ledger: VerdictLedger,
        judge: Judge,
        docket: Docket,
        *,
        topic: str,
        clock: Clock,
        observer: Observer,
        policy: WritePolicy,
        after_write: Wake,
    ) -> None:
        self._source, self._ledger, self._judge, self._docket = source, ledger, judge, docket
        self._topic, self._clock, self._observer = topic, clock, observer
        self._policy, self._after_write = policy, after_write
        self._backoff = Backoff(clock, policy.backoff)
        self._gathering = Gathering(clock, policy.gather)
        self._positions: dict[int, int | None] = {}
        self._conflicted: frozenset[int] = frozenset()

    @property
    def failing(self) -> bool:
        """Whether the last attempt failed: take nothing more meanwhile."""
        return self._backoff.failures > 0

    def wait_s(self) -> float:
        """Seconds until the next attempt; 0: nothing to wait for."""
        return self._backoff.wait_s() or self._gathering.wait_s()

    def stored(self, partitions: Collection[int]) -> Mapping[int, int]:
        """The ledger's next offsets of these partitions, those that it knows. For the source, from any thread."""
        return {p: offset for p, offset in self._ledger.positions(self._topic).items() if p in partitions}

    def forget(self, partitions: Collection[int]) -> None:
        """These partitions are not ours any more."""
        self._docket.forget(partitions)
        for partition in partitions:
            self._positions.pop(partition, None)

    def write(self, backlog: bool = False) -> int:
        """Decide and write what is ready; returns how many records became durable. With a `backlog` few records wait
        a moment for more."""
        if self._backoff.wait_s() > 0:
            return 0
        try:
            self._settle_conflicts()
            self._learn_positions()
            written = self._write_ready(backlog)
        except PositionConflict as err:
            self._conflicted = self._docket.partitions
            return self._later("position", err)
        except (LedgerUnavailable, LedgerConflict) as err:
            return self._later("ledger", err)
        except StoreUnavailable as err:
            return self._later("photos", err)
        self._backoff.worked()
        return written

    def _write_ready(self, backlog: bool) -> int:
        ready = self._docket.ready(self._policy.most_records)
        records = sum(map(len, ready.values()))
        if not records or self._gathering.should_wait(records, backlog):
            return 0
        began_s = self._clock.monotonic_s()
        judged = self._judge.judge([entry.item for entries in ready.values() for entry in entries])
        next_offsets = {partition: entries[-1].offset + 1 for partition, entries in ready.items()}
        decided_s = self._clock.monotonic_s()
        self._ledger.write(self._batch(judged, next_offsets))
        written_s = self._clock.monotonic_s()
        self._docket.settle(next_offsets)
        self._positions.update(next_offsets)
        self._source.commit(next_offsets)
        self._after_write()
        self._tell(judged, decided_s - began_s, written_s - decided_s)
        return records

    def _batch(self, judged: Judged, next_offsets: Mapping[int, int]) -> LedgerBatch:
        return LedgerBatch(
            self._topic,
            tuple(judged.decisions),
            tuple(judged.outbox),
            tuple(judged.security_events),
            tuple(Advance(p, self._positions[p], next_offset) for p, next_offset in next_offsets.items()),
            tuple(judged.photos),
            judged.forget_photos_before_ms,
        )

    def _learn_positions(self) -> None:
        """Ask once per assignment where a partition stands, and drop what an earlier owner has decided meanwhile."""
        new = self._docket.partitions - self._positions.keys()
        if not new:
            return
        stored = self.stored(new)
        self._docket.settle(stored)
        self._positions.update({partition: stored.get(partition) for partition in new})

    def _settle_conflicts(self) -> None:
        """Read again, from the ledger's position, every partition that is not where this process believed."""
        if not self._conflicted:
            return
        stored = self.stored(self._conflicted)
        moved = {p for p in self._conflicted if p in self._positions and stored.get(p) != self._positions[p]}
        # None moved: the conflict was in a chain, or another writer was undone. Everything is read again then.
        again = moved or self._conflicted & self._positions.keys()
        seek = {p: stored.get(p, self._docket.first_offset(p) or 0) for p in again}
        self.forget(again)
        self._source.seek(seek)
        self._source.commit({p: stored[p] for p in again if p in stored})
        self._conflicted = frozenset()

    def _later(self, part: str, err: HadirError) -> int:
        self._backoff.failed()
        self._observer.on_retry(part, err.code)
        _log.warning("write_failed", part=part, code=err.code, failures=self._backoff.failures, error=str(err))
        return 0

    def _tell(self, judged: Judged, decide_s: float, ledger_s: float) -> None:
        for letter in judged.dead_letters:
            place = f"{letter.partition}@{letter.offset}"
            _log.warning("dead_letter", code=letter.code, check_in=letter.check_in_id, record=place)
        for event in judged.security_events:
            _log.warning("security_event", code=event.code, check_in=event.check_in_id)
        self._observer.on_written(
            Written(
                self._clock.now_ms(),
                tuple(decision.row for decision in judged.decisions),
                tuple(letter.code for letter in judged.dead_letters),
                judged.duplicates,
                tuple(event.code for event in judged.security_events),
                tuple(judged.impostors),
                tuple(judged.replays),
                tuple(judged.claimed),
                tuple(judged.others),
                decide_s,
                ledger_s,
            )
        )
