"""How much the loop takes, batches and writes at once, and how long it waits. The defaults are what was measured."""

from __future__ import annotations

from dataclasses import dataclass, field

from hadir.pipeline.backoff import BackoffPolicy
from hadir.pipeline.batching import BatchLimit
from hadir.pipeline.gathering import GatherPolicy
from hadir.pipeline.watermarks import Watermarks

__all__ = ["IntakeLimits", "WritePolicy"]


@dataclass(frozen=True, slots=True)
class WritePolicy:
    """`most_records` is the most that one transaction decides."""

    most_records: int = 256
    backoff: BackoffPolicy = field(default_factory=BackoffPolicy)
    gather: GatherPolicy = field(default_factory=GatherPolicy)


@dataclass(frozen=True, slots=True)
class IntakeLimits:
    """`grace_s` is how long a stop waits for what is in hand."""

    batch: BatchLimit = field(default_factory=BatchLimit)
    watermarks: Watermarks = field(default_factory=Watermarks)
    write: WritePolicy = field(default_factory=WritePolicy)
    grace_s: float = 30.0
