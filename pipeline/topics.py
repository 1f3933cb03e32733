"""The topics: their names, sizes and settings. What lies in them: docs/wire-format.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = [
    "ALL_TOPICS",
    "CHECK_INS",
    "DEAD_LETTERS",
    "MAX_RECORD_BYTES",
    "RETENTION_MS",
    "VERDICTS",
    "TopicSpec",
    "with_partitions",
]

CHECK_INS = "hadir.check-ins.v1"
VERDICTS = "hadir.verdicts.v1"
DEAD_LETTERS = "hadir.dead-letters.v1"

RETENTION_MS = 48 * 3_600_000
"""Photos travel inside the event, so the log may keep it for two days and no longer."""

MAX_RECORD_BYTES = 5 * 1_048_576
"""One check-in: photos of 4.5 MiB together, and the rest."""


@dataclass(frozen=True, slots=True)
class TopicSpec:
    """A topic as Hadir needs it. `settings` are Kafka's own names and values, as strings."""

    name: str
    partitions: int
    max_record_bytes: int
    settings: Mapping[str, str] = field(default_factory=dict)


_KEPT_BY_AGE_ALONE = {
    # Compaction keeps the newest record of a key, and keys are people: everybody's earlier check-ins would go.
    "cleanup.policy": "delete",
    # A limit in bytes deletes what is not decided yet, on the very morning on which most people come.
    "retention.bytes": "-1",
}

ALL_TOPICS = (
    TopicSpec(
        CHECK_INS,
        12,
        MAX_RECORD_BYTES,
        {
            # The broker's own time is `received_at`: a client's clock must not be able to make someone punctual.
            "message.timestamp.type": "LogAppendTime",
            "retention.ms": str(RETENTION_MS),
            **_KEPT_BY_AGE_ALONE,
            # A segment is deleted as a whole when its newest record is old enough: without this, photos of a quiet
            # partition would outlive the retention by the default segment age of a week.
            "segment.ms": "3600000",
            # Stored as sent but never compressed: then the size limit holds for what a consumer has to unpack.
            "compression.type": "uncompressed",
            "max.message.bytes": str(MAX_RECORD_BYTES),
        },
    ),
    TopicSpec(VERDICTS, 12, 1_048_576, {"message.timestamp.type": "LogAppendTime", **_KEPT_BY_AGE_ALONE}),
    TopicSpec(
        DEAD_LETTERS,
        3,
        6 * 1_048_576,
        {
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(6 * 1_048_576),
            **_KEPT_BY_AGE_ALONE,
        },
    ),
)


def with_partitions(most: int) -> tuple[TopicSpec, ...]:
    """The same topics with at most `most` partitions each: for one-node and test clusters."""
    return tuple(replace(spec, partitions=min(spec.partitions, most)) for spec in ALL_TOPICS)
