"""What the stream tells those who watch it: metrics, the live view, the log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from hadir.attendance.ledger_row import LedgerRow
from hadir.core.evidence import ImpostorCount, Replay

__all__ = ["InHand", "Observer", "Observers", "Served", "SnapshotObserver", "Written"]


@dataclass(frozen=True, slots=True)
class Written:
    """One ledger transaction that is durable. Latency of a row: `at_ms - row.received_at_ms`.

    `rows` are new rows of revision 0. `dead_letters` and `security_events` are codes. `duplicates` were answered again
    with their first verdict. `impostors` were counted for new rows, `replays` found in their photos. `claimed` and
    `others` are cosines of new rows' probes: to the person who was claimed, and to the best other enrolled one, where
    there was something to compare. Deciding took `decide_s` seconds, the transaction `ledger_s`.
    """

    at_ms: int
    rows: tuple[LedgerRow, ...]
    dead_letters: tuple[str, ...]
    duplicates: int
    security_events: tuple[str, ...]
    impostors: tuple[ImpostorCount, ...] = ()
    replays: tuple[Replay, ...] = ()
    claimed: tuple[float, ...] = ()
    others: tuple[float, ...] = ()
    decide_s: float = 0.0
    ledger_s: float = 0.0


@dataclass(frozen=True, slots=True)
class InHand:
    """Between log and ledger: records taken and not written, of these with the workers, and the oldest one's time."""

    records: int
    with_workers: int
    oldest_received_at_ms: int | None


@dataclass(frozen=True, slots=True)
class Served:
    """The index that serves, with so many enrolled people, and the pack that serves it."""

    snapshot: str
    embedding_space: str
    pack: str
    licence: str
    built_at_ms: int = 0
    people: int = 0


class SnapshotObserver(Protocol):
    """Called from the loop's thread, and from the watcher's where a snapshot is refused before the loop hears of it:
    must return at once and never raise."""

    def on_serving(self, served: Served) -> None:
        """From now on this one serves: once at the start, then after every switch."""
        ...

    def on_refused(self, snapshot: str | None, code: str) -> None:
        """A snapshot was to serve and could not, for an error of this code; None where not even its id was readable.
        What served serves on."""
        ...


class Observer(Protocol):
    """Called from the loop's thread between its steps (`on_retry` also from the relay's): must return at once and
    never raise."""

    def on_received(self, records: int) -> None:
        """Records were taken from the log."""
        ...

    def on_batch(self, photos: int, limit: int) -> None:
        """A batch went to a worker."""
        ...

    def on_written(self, written: Written) -> None:
        """A transaction is durable."""
        ...

    def on_in_hand(self, in_hand: InHand) -> None:
        """What is in hand has changed."""
        ...

    def on_retry(self, part: str, code: str) -> None:
        """`part` (`ledger`, `photos`, `outbox`) failed with this error code and will be tried again."""
        ...


class Observers:
    """Several watchers behind one, also none."""

    def __init__(self, watchers: Sequence[Observer] = ()) -> None:
        self._watchers = tuple(watchers)

    def on_received(self, records: int) -> None:
        for watcher in self._watchers:
            watcher.on_received(records)

    def on_batch(self, photos: int, limit: int) -> None:
        for watcher in self._watchers:
            watcher.on_batch(photos, limit)

    def on_written(self, written: Written) -> None:
        for watcher in self._watchers:
            watcher.on_written(written)

    def on_in_hand(self, in_hand: InHand) -> None:
        for watcher in self._watchers:
            watcher.on_in_hand(in_hand)

    def on_retry(self, part: str, code: str) -> None:
        for watcher in self._watchers:
            watcher.on_retry(part, code)
