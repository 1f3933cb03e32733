"""What must be right before the first check-in is taken; `hadir run` refuses, `hadir doctor` tells."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import structlog

from hadir.core.clock import Clock
from hadir.core.errors import SetupError
from hadir.core.settings import Settings
from hadir.pipeline.kafka_admin import KafkaCluster, check_topics
from hadir.pipeline.kafka_clock import ClockGap, clock_gap
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.topics import TopicSpec

__all__ = ["LOW_DISK_BYTES", "Space", "require_clock", "require_disks", "require_log", "require_partitions", "spaces"]

_log = structlog.get_logger(__name__)

LOW_DISK_BYTES = 2 << 30
"""The doctor calls less than this bad."""
LEAST_DISK_BYTES = 256 << 20
"""`hadir run` does not start with less: a morning of 10,000 rows takes about 60 MB, and a full disk in the middle of
one stops it (nothing is lost, nobody is decided)."""
CLOCK_NOTE_S, CLOCK_BAD_S = 2.0, 60.0


@dataclass(frozen=True, slots=True)
class Space:
    """What lies on one disk, and how much of that is free."""

    what: str
    place: Path
    free_bytes: int


def spaces(settings: Settings) -> list[Space]:
    """The disks of ledger, photos of cases, run folder and snapshots, each once; what lies elsewhere (PostgreSQL, a
    bucket) is not ours to measure."""
    found: dict[int, Space] = {}
    for what, where in (
        ("ledger", _local(settings.ledger.url, "sqlite:///")),
        ("case photos", _local(settings.stores.case_photos)),
        ("run folder", _local(settings.run.folder)),
        ("snapshots", _local(settings.stores.snapshots)),
    ):
        if where is None:
            continue
        place = where.absolute()
        while not place.exists():
            place = place.parent
        device, known = place.stat().st_dev, found.get(place.stat().st_dev)
        named = what if known is None else f"{known.what}, {what}"
        found[device] = Space(named, place if known is None else known.place, shutil.disk_usage(place).free)
    return list(found.values())


def require_disks(settings: Settings, least_bytes: int = LEAST_DISK_BYTES) -> None:
    """Raise SetupError where a disk is all but full."""
    for space in spaces(settings):
        if space.free_bytes < least_bytes:
            raise SetupError(
                f"the disk of {space.what} ({space.place}) has {space.free_bytes >> 20} MiB free, {least_bytes >> 20} "
                "are needed to start: make room"
            )


def require_partitions(topic: str, positions: Mapping[int, int], held: Mapping[int, Stretch]) -> None:
    """Raise SetupError where the ledger knows partitions that the topic does not have: it was made anew or cut."""
    if gone := sorted(positions.keys() - held.keys()):
        raise SetupError(
            f"{topic} has {len(held)} partitions, the ledger has decided records of partition {gone[0]}: the topic was "
            "made anew; give it its number back, or name another ledger"
        )


def require_clock(gap: ClockGap | None) -> None:
    """Raise SetupError where Kafka's clock and ours differ so much that one of them is wrong; log it before.

    Lateness is counted by Kafka's clock, decisions are stamped by ours.
    """
    if gap is None:
        return
    apart_s = max(0.0, abs(gap.ahead_s) - gap.within_s)
    said = f"Kafka's clock is {abs(gap.ahead_s):.0f} s {'ahead of' if gap.ahead_s > 0 else 'behind'} this machine's"
    if apart_s >= CLOCK_BAD_S:
        raise SetupError(
            f"{said}: lateness is counted by Kafka's, so set the wrong one (NTP) before anybody is decided"
        )
    if apart_s >= CLOCK_NOTE_S:
        _log.warning("clocks_differ", ahead_s=round(gap.ahead_s, 1), note="lateness is counted by Kafka's clock")


def require_log(cluster: KafkaCluster, specs: list[TopicSpec], clock: Clock) -> None:
    """Topics that are there and set as they must be, and a clock that can be believed.

    Raises:
        SetupError: one of them is not; the message says what to do. StreamUnavailable: no broker answers.
    """
    check_topics(cluster, specs)
    require_clock(clock_gap(cluster, clock))


def _local(where: str, scheme: str = "file://") -> Path | None:
    if where.startswith(scheme):
        return Path(where.removeprefix(scheme))
    return None if "://" in where else Path(where)
