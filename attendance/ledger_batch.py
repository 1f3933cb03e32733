"""What goes into the ledger in one transaction, and what comes out of its outbox."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hadir.attendance.ledger_row import LedgerRow
from hadir.attendance.photo_replay import SentPhoto
from hadir.core.message import Message

__all__ = ["Advance", "Decision", "LedgerBatch", "OutboxRow", "RememberedPhoto", "SecurityEvent"]


@dataclass(frozen=True, slots=True)
class Decision:
    """One verdict with the body of its side-table row: plain JSON types, from `evidence_record.evidence_body`.

    The row's own `content_sha256`, `distance_m` and `field` are kept in that body too; the row's values rule.
    """

    row: LedgerRow
    evidence: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Advance:
    """Compare-and-set of one partition's position: everything below `next_offset` is resolved by this batch or an
    earlier one. `expected` is the position as the writer knows it, None where none is stored yet."""

    partition: int
    expected: int | None
    next_offset: int


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """Something that a person responsible for security must be able to find again; `code` as on the wire."""

    at_ms: int
    code: str
    check_in_id: str


@dataclass(frozen=True, slots=True)
class RememberedPhoto:
    """A photo that later ones are compared with; `replayed`: its check-in's verdict says that it was sent before."""

    photo: SentPhoto
    replayed: bool


@dataclass(frozen=True, slots=True)
class LedgerBatch:
    """One transaction: all of it becomes durable, or nothing.

    `decisions` of one partition stand in offset order, each inside its partition's advance (`expected <= offset <
    next_offset`). `outbox` messages are published in this order. `advances` name each partition once. `photos`
    are the decisions'; of photos received before `forget_photos_before_ms` some are forgotten.
    """

    topic: str
    decisions: tuple[Decision, ...]
    outbox: tuple[Message, ...]
    security_events: tuple[SecurityEvent, ...]
    advances: tuple[Advance, ...]
    photos: tuple[RememberedPhoto, ...] = ()
    forget_photos_before_ms: int | None = None


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One message that waits to be published; `seq` is its name for `mark_published`."""

    seq: int
    message: Message
