"""What time it is at the brokers: their clock sets who is late, so somebody has to look at it."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass

from kafka.admin import KafkaAdminClient
from kafka.errors import AuthorizationError, KafkaError

from hadir.core.clock import Clock
from hadir.pipeline.kafka_admin import KafkaCluster, answering

__all__ = ["ClockGap", "clock_gap"]


@dataclass(frozen=True, slots=True)
class ClockGap:
    """How far the controller's clock is ahead of ours, seconds (negative: behind), and how exactly that is known."""

    ahead_s: float
    within_s: float


def clock_gap(cluster: KafkaCluster, clock: Clock) -> ClockGap | None:
    """Ask the leader of the controllers for its wall clock; None where this user may not (DESCRIBE on the cluster) or
    the cluster does not tell.

    It stands in the description of its quorum: the leader has caught up with itself at the moment of the answer
    (KIP-836). Brokers that only keep records are not asked: their clocks show in the time of what they received.

    Raises:
        StreamUnavailable, SetupError: as `answering`.
    """
    with answering(cluster), closing(cluster.open(KafkaAdminClient)) as admin:
        admin.list_topics()  # so that connecting is not part of what is measured
        before_ms = clock.now_ms()
        try:
            told = admin.describe_metadata_quorum()
        except (AuthorizationError, KafkaError):
            return None
        after_ms = clock.now_ms()
    there_ms = _leaders_clock_ms(told)
    if there_ms is None:
        return None
    return ClockGap((there_ms - (before_ms + after_ms) / 2) / 1000, (after_ms - before_ms) / 2000)


def _leaders_clock_ms(told: dict[str, list[dict[str, object]]]) -> int | None:
    for topic in told.get("topics", []):
        for partition in topic["partitions"]:  # type: ignore[attr-defined]  # kafka-python has no type information
            for voter in partition["current_voters"]:
                at_ms = int(voter["last_caught_up_timestamp"])
                if voter["replica_id"] == partition["leader_id"] and at_ms > 0:
                    return at_ms
    return None
