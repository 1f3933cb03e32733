"""The seams of the stream: where records come from, where they go, and who looks at faces."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from hadir.attendance.ledger_batch import LedgerBatch, OutboxRow
from hadir.attendance.ledger_row import HistoryKey, LedgerRow
from hadir.core.errors import HadirError
from hadir.core.evidence import FaceFinding, History
from hadir.core.message import Message
from hadir.pipeline.membership import Membership

__all__ = [
    "Exchange",
    "ExchangePhase",
    "FaceJob",
    "JobResult",
    "Outbox",
    "Pool",
    "PoolRoom",
    "Record",
    "Sink",
    "Source",
    "SparingFactory",
    "Stage",
    "StageFactory",
    "VerdictLedger",
    "Wake",
]

Wake = Callable[[], None]
"""Called, from any thread, when something is there to take. Must return at once."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record as the log holds it. `timestamp_ms` is the log's own append time, UTC."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...] = ()


class Source(Protocol):
    """Records of one topic, shared with the other members of a group.

    All methods are called from one thread (the loop's) and none blocks on the network for long: an implementer polls
    on a thread of its own. Per partition, records come in offset order, without gaps of its own making; a record is
    handed out once per assignment, and again after a reassignment or `seek`.
    """

    def start(self, wake: Wake, positions: Callable[[Collection[int]], Mapping[int, int]]) -> None:
        """Join. On every assignment `positions(partitions)` (the ledger's next offsets, if known) is asked, and a
        partition starts there: ahead of the committed offset after a crash, behind it where the ledger came back from a
        backup. One that the ledger does not know starts at the committed offset, or else at the beginning. May call
        `positions` from another thread.

        Raises:
            StreamUnavailable: the log does not answer within the bootstrap time-out.
            SetupError: a topic is missing or wrongly set; the message says how to make it right.
        """
        ...

    def take(self, limit: int) -> list[Record]:
        """At most `limit` records that have arrived; empty at once when there are none.

        Raises:
            OffsetLost: the log no longer holds the next record of a partition (fail closed: nothing is skipped).
            StreamError: the client has failed in a way that a restart must mend.
        """
        ...

    def lost(self) -> frozenset[int]:
        """Partitions taken away since the last call (ask before `take`).

        Forget all work of theirs, never commit for them.
        """
        ...

    def membership(self) -> Membership:
        """As it stands now. From any thread, unlike the others, and at once."""
        ...

    def seek(self, offsets: Mapping[int, int]) -> None:
        """Hand out again from these offsets; what was fetched of these partitions and not taken is forgotten."""
        ...

    def commit(self, next_offsets: Mapping[int, int]) -> None:
        """Tell the log, best effort and without waiting, that everything below is durable. Never raises for a lost
        commit: the ledger's position rules."""
        ...

    def pause(self) -> None:
        """Stop fetching; `take` may still hand out what has arrived. Membership stays alive."""
        ...

    def resume(self) -> None:
        """Fetch again."""
        ...

    def close(self) -> None:
        """Leave the group after sending outstanding commits. Idempotent."""
        ...


class Sink(Protocol):
    """Durable delivery to topics. Used by one thread at a time."""

    def send(self, messages: Sequence[Message]) -> None:
        """Deliver all, in order per key; returns when the log has acknowledged every one. Blocks ten seconds at most.

        Raises:
            StreamUnavailable: at least one is *unknown* (it may be in the log): send all of them again.
            StreamError: the log refuses one for good (unknown topic, not authorised, too large).
        """
        ...

    def close(self) -> None:
        """Flush and leave. Idempotent."""
        ...


@dataclass(frozen=True, slots=True)
class FaceJob:
    """One check-in's photos for the workers. `ticket` is unique in this process; `person` is the claimed one."""

    ticket: int
    person: str
    photos: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class JobResult:
    """`finding` is None when the crash budget is spent: `attempts` says how often the photos killed their worker."""

    ticket: int
    finding: FaceFinding | None
    attempts: int


@dataclass(frozen=True, slots=True)
class PoolRoom:
    """What may be submitted now: `idle` workers take any batch, `queueable` more take a full one only."""

    idle: int
    queueable: int


class Stage(Protocol):
    """What a worker does with a batch. Used by one thread at a time, which need not be the one that built it."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        """Findings of the same length and order. Blocks for the computation. Any exception counts as a crash."""
        ...


StageFactory = Callable[[], Stage]
"""Builds a stage where it will work: for workers in other processes it is picklable, and reachable there by import."""


@runtime_checkable
class SparingFactory(Protocol):
    """A stage factory that need not build what the working stage has already."""

    def __call__(self) -> Stage: ...

    def beside(self, serving: Stage) -> Stage:
        """As the call, in the process of `serving`: what it can share with it, it takes over. Called while `serving`
        works on another thread, which then gives it up for the new stage: nothing shared may be used before."""
        ...


class ExchangePhase(StrEnum):
    """How far an exchange of stages has come."""

    NONE = "none"
    LOADING = "loading"
    ADOPTING = "adopting"
    ADOPTED = "adopted"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Exchange:
    """The latest exchange. `failure` says why it is FAILED: the worker's own error."""

    phase: ExchangePhase = ExchangePhase.NONE
    failure: HadirError | None = None

    @property
    def under_way(self) -> bool:
        """Whether another must wait."""
        return self.phase in {ExchangePhase.LOADING, ExchangePhase.ADOPTING}


class Pool(Protocol):
    """Workers that look at faces. All methods are called from one thread.

    Every submitted job comes back exactly once, in any order: with a finding, or with none after `attempts` = 3
    crashes,
    the last of them alone with its worker, so that neighbours in a batch never share its fate. An application error
    in a worker counts as a crash of that batch.
    """

    def start(self, wake: Wake) -> None:
        """Bring the workers up; blocks until each has loaded its models and passed its self-test.

        Raises:
            PackError, SnapshotError, SetupError: a worker cannot serve; the message is the worker's.
        """
        ...

    def room(self) -> PoolRoom:
        """Never blocks."""
        ...

    def submit(self, jobs: Sequence[FaceJob]) -> None:
        """Hand one batch to one worker; never blocks.

        Raises:
            PoolBusy: no room (ask `room` first).
        """
        ...

    def take(self) -> list[JobResult]:
        """Results that have come back; empty at once when there are none.

        Raises:
            PoolLost: the workers are gone for good; everything submitted is still in the log.
        """
        ...

    def exchange(self, stage_factory: StageFactory) -> None:
        """Let every worker work with another stage from some moment on, without stopping; returns at once.

        Each worker builds the new stage beside the old one, on a thread of its own and at a low priority, while it
        goes on with its batches; some workers do after the others (LOADING). Only when all have built it does each
        adopt it, between two of its batches (ADOPTING): meanwhile the findings of different workers may be of either
        stage. If one cannot build it none adopts it, those who have it drop it, and all go on with what they have
        (FAILED). A worker that dies is replaced by one with the old stage while LOADING, with the new one from ADOPTING
        on. Afterwards the old stage is given up, and its memory with it.

        Progress is made in `take`, for which `wake` is called. Nothing else changes: every job comes back exactly once.

        Raises:
            PoolBusy: an earlier exchange is still under way (`exchanged`).
        """
        ...

    def exchanged(self) -> Exchange:
        """How the latest exchange stands, as of the last `take`; never blocks. Once it says ADOPTED, every result that
        a later `take` brings was made by the new stage."""
        ...

    def close(self) -> None:
        """End the workers that this pool started. Idempotent; results not taken are dropped."""
        ...


class VerdictLedger(Protocol):
    """What the loop asks of the ledger; `hadir.attendance.ledger.Ledger` is it, and says what each call promises.

    Every method blocks on the database and raises LedgerUnavailable where it does not answer.
    """

    def positions(self, topic: str) -> dict[int, int]:
        """The next offset to decide, per partition that has one."""
        ...

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]:
        """The rows of revision 0 that these ids have already."""
        ...

    def history(self, keys: Collection[HistoryKey]) -> dict[HistoryKey, History]:
        """What earlier rows say; a key without rows may be missing."""
        ...

    def write(self, batch: LedgerBatch) -> None:
        """All or nothing. Raises PositionConflict or LedgerConflict where another writer came first."""
        ...


class Outbox(Protocol):
    """What the relay asks of the ledger, from a thread of its own. Raises LedgerUnavailable."""

    def unpublished(self, limit: int) -> list[OutboxRow]:
        """The oldest rows that wait, in the order in which they were written."""
        ...

    def mark_published(self, seqs: Sequence[int], at_ms: int) -> None:
        """These have been acknowledged by their topics."""
        ...
