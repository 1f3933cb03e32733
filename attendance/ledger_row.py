"""One verdict as the ledger keeps it: the chained part, from which the published verdict is made."""

from __future__ import annotations

from dataclasses import dataclass

from hadir.core.verdict import Outcome, Reason

__all__ = ["HistoryKey", "LedgerRow"]


@dataclass(frozen=True, slots=True)
class HistoryKey:
    """Whose earlier rows count for a new one."""

    person: str
    direction: str
    shift: str


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Revision 0 is the machine's; humans append. Times are UTC milliseconds; `shift` as in Verdict.

    `direction` and `channel` are None only where a field was invalid. `content_sha256`, `distance_m` and `field`
    live in the side table and are None after erasure.
    """

    id: str
    revision: int
    person: str
    direction: str | None
    channel: str | None
    outcome: Outcome
    reasons: tuple[Reason, ...]
    case: bool
    minutes: int | None
    distance_m: float | None
    field: str | None
    shift: str | None
    captured_at_ms: int | None
    received_at_ms: int
    decided_at_ms: int
    partition: int
    offset: int
    snapshot: str
    embedding_space: str
    policy: str
    content_sha256: str | None
