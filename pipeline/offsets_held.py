"""Whether the log still holds what is next to be decided: if not, stop and say what a human can do. Pure."""

from __future__ import annotations

from hadir.core.errors import OffsetLost
from hadir.pipeline.log_reads import Stretch

__all__ = ["require_held"]


def require_held(topic: str, held: Stretch, at: int) -> None:
    """Raise OffsetLost where the partition does not hold offset `at`, nor ends there."""
    place = f"{topic}/{held.partition} holds offsets {held.first} to {held.end}, {at} is next to be decided"
    if at < held.first:
        raise OffsetLost(
            f"{place}: {held.first - at} records are gone before they were decided; find out why, then go on with "
            f"hadir ledger skip-lost --partition {held.partition} --reason TEXT, which records the gap"
        )
    if at > held.end:
        raise OffsetLost(
            f"{place}: the log was cut or made anew; find out why, then go on with hadir ledger read-again --partition "
            f"{held.partition} --offset {held.first} --reason TEXT: what has a verdict keeps it"
        )
