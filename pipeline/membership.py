"""What one member of a consumer group holds."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Membership"]


@dataclass(frozen=True, slots=True)
class Membership:
    """`joined`: the group counts this member in now. It may still hold nothing: of ten members that share eight
    partitions two do. `partitions` are those that it reads."""

    joined: bool
    partitions: frozenset[int]
