"""What an operator may do with a position, held against what the log holds now."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from hadir.app.wiring import existing_ledger
from hadir.attendance.ledger_moves import MoveKind, PositionMove, move_position
from hadir.core.clock import Clock
from hadir.core.errors import InputError
from hadir.pipeline.log_reads import LogReader, Stretch

__all__ = ["Operator", "Positions"]


@dataclass(frozen=True, slots=True)
class Operator:
    """Who orders it, and why."""

    account: str
    reason: str


@dataclass(frozen=True, slots=True)
class Positions:
    """One topic's positions in the ledger at `url`, read by a group."""

    url: str
    reader: LogReader
    topic: str
    group: str
    clock: Clock

    def skip_lost(self, partition: int, operator: Operator) -> PositionMove:
        """Go on behind records that the log has lost. Nothing that it still holds is passed over.

        Raises:
            InputError: nothing is lost there. PositionConflict: somebody moved it meanwhile.
            LedgerUnavailable, StreamUnavailable, StreamError, SetupError: one of them does not answer or refuses.
        """
        held, stored, at = self._stands(partition)
        if at >= held.first:
            raise InputError(
                f"nothing is lost in {self.topic}/{partition}: {at} is next, the log holds {held.first} to {held.end}"
            )
        move = self._of(MoveKind.RECORDS_LOST, Stretch(partition, at, held.first), operator)
        move_position(self.url, move, stored)
        return move

    def read_again(self, partition: int, offset: int, operator: Operator) -> PositionMove:
        """Go back to `offset`. What has a verdict keeps it. Raises as `skip_lost`."""
        held, stored, at = self._stands(partition)
        if not held.first <= offset < at:
            raise InputError(
                f"offset {offset} of {self.topic}/{partition} cannot be read again: {at} is next, the log holds "
                f"{held.first} to {held.end}; name one of these below {at}"
            )
        move = self._of(MoveKind.READ_AGAIN, Stretch(partition, at, offset), operator)
        move_position(self.url, move, stored)
        return move

    def _stands(self, partition: int) -> tuple[Stretch, int | None, int]:
        """What the log holds, the ledger's position, and where the next start would go on."""
        with closing(existing_ledger(self.url)) as ledger:
            stored = ledger.positions(self.topic).get(partition)
        held = self.reader.bounds(self.topic)
        if partition not in held:
            raise InputError(f"{self.topic} has no partition {partition}: it has 0 to {len(held) - 1}")
        at = stored if stored is not None else self.reader.committed(self.topic, self.group).get(partition)
        if at is None:
            raise InputError(
                f"{self.topic}/{partition} was never read: hadir run begins at its oldest record by itself"
            )
        return held[partition], stored, at

    def _of(self, kind: MoveKind, way: Stretch, operator: Operator) -> PositionMove:
        now_ms = self.clock.now_ms()
        return PositionMove(
            kind, self.topic, way.partition, way.first, way.end, operator.account, operator.reason, now_ms
        )
