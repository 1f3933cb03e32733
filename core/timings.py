"""How long a batch spent in each stage: measured where the work is done, told by an ordinary process."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

__all__ = ["BatchTimes", "StageClock", "StageName", "Timed"]


class StageName(StrEnum):
    """Where a check-in's time goes between log and topic. The values stand in metrics: never rename one."""

    DECODE = "decode"
    """Bytes to pixels."""
    DETECT = "detect"
    """Detector, and the mesh where the pack has one."""
    ALIGN = "align"
    """Chip and crop cut, quality measured and judged."""
    EMBED = "embed"
    """Crops to vectors."""
    SEARCH = "search"
    """Probes to similarities, with the answers of all shards and any normalisation."""
    DECIDE = "decide"
    """What is known is read from the ledger, evidence joined, the outcome table asked, photos of cases kept."""
    LEDGER = "ledger"
    """One transaction, until it is durable."""
    PUBLISH = "publish"
    """One send of the outbox, until the log has acknowledged every message."""


@dataclass(frozen=True, slots=True)
class BatchTimes:
    """One batch that a worker worked on: how many photos, how many seconds in all, and of these in each stage. A stage
    that the pack does not measure is missing; what no stage claims is decoding of the call, fusing and liveness."""

    photos: int
    busy_s: float
    stages: Mapping[StageName, float]


@runtime_checkable
class Timed(Protocol):
    """What a face pack or a worker's stage may be besides."""

    def spent(self) -> Mapping[StageName, float]:
        """Seconds in each stage of the latest batch. From the thread that works."""
        ...


class StageClock:
    """Laps: the time since the one before belongs to the stage that has just ended. One reading of the clock per lap;
    for one thread."""

    def __init__(self, now_s: Callable[[], float] = time.perf_counter) -> None:
        self._now_s = now_s
        self._since_s = now_s()
        self._spent: dict[StageName, float] = {}

    def start(self) -> None:
        """A batch begins; what was measured before is forgotten."""
        self._spent = {}
        self._since_s = self._now_s()

    def lap(self, stage: StageName) -> None:
        """This stage has just ended; it may come again in the same batch."""
        now_s = self._now_s()
        self._spent[stage] = self._spent.get(stage, 0.0) + now_s - self._since_s
        self._since_s = now_s

    def spent(self) -> dict[StageName, float]:
        """As `Timed.spent`."""
        return dict(self._spent)
