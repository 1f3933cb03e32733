"""What Hadir itself puts on topics: verdicts and dead letters."""

from __future__ import annotations

import msgspec

from hadir.attendance.ledger_row import LedgerRow
from hadir.attendance.wording import sentence
from hadir.core.message import Message
from hadir.pipeline.codec import SCHEMA
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import DEAD_LETTERS, VERDICTS

__all__ = ["check_in_of", "dead_letter_message", "encode_verdict", "verdict_message"]


class _Named(msgspec.Struct, frozen=True):
    id: str


def encode_verdict(row: LedgerRow) -> bytes:
    """The JSON of `hadir.verdicts.v1`: the same bytes for the same row, always; never a score or another person."""
    words = sentence(row.outcome, row.reasons, row.minutes, row.distance_m, row.field)
    return msgspec.json.encode(
        {
            "schema": SCHEMA,
            "id": row.id,
            "revision": row.revision,
            "person": row.person,
            "direction": row.direction,
            "channel": row.channel,
            "outcome": row.outcome.value,
            "reasons": [reason.value for reason in row.reasons],
            "minutes": row.minutes,
            "distance_m": row.distance_m,
            "received_at_ms": row.received_at_ms,
            "decided_at_ms": row.decided_at_ms,
            "snapshot": row.snapshot,
            "embedding_space": row.embedding_space,
            "policy": row.policy,
            "sentence": {"id": words.id, "en": words.en},
        }
    )


def verdict_message(row: LedgerRow) -> Message:
    """The verdict on its way to its topic, keyed by person so that one person's verdicts stay in order."""
    return Message(VERDICTS, row.person.encode(), encode_verdict(row))


def dead_letter_message(
    record: Record, source_topic: str, code: str, attempts: int, check_in_id: str | None
) -> Message:
    """The original bytes under the original key, and why they were set aside.

    Header values are UTF-8 text: `id` (empty where none could be read), `code`, `source_topic`, `partition`, `offset`,
    `attempts` (how often a worker tried).
    """
    headers = {
        "id": check_in_id or "",
        "code": code,
        "source_topic": source_topic,
        "partition": str(record.partition),
        "offset": str(record.offset),
        "attempts": str(attempts),
    }
    return Message(DEAD_LETTERS, record.key, record.value, tuple((k, v.encode()) for k, v in headers.items()))


def check_in_of(message: Message) -> str | None:
    """Whose verdict or dead letter this is, by the check-in's id; None where the message does not say."""
    for name, value in message.headers:
        if name == "id":
            return value.decode(errors="replace") or None
    try:
        return msgspec.json.decode(message.value, type=_Named).id
    except msgspec.MsgspecError:
        return None
