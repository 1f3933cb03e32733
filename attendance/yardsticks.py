"""By which thresholds a finding is judged: by those of the snapshot that made it, never by another's.

While a running pipeline takes another snapshot, findings of both are in hand at once. Each means something only with
its own snapshot's thresholds and its own pack's margin.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from hadir.attendance.policy import Policy
from hadir.core.errors import SnapshotError
from hadir.core.thresholds import Thresholds

__all__ = ["Yardstick", "Yardsticks"]


@dataclass(frozen=True, slots=True)
class Yardstick:
    """Of one snapshot. `identify_margin` is the cosine by which another person must stand out; measured, from the
    pack's manifest."""

    thresholds: Thresholds
    identify_margin: float


class Yardsticks:
    """Those of every snapshot that a finding may still come from. Used by one thread."""

    def __init__(self, policy: Policy) -> None:
        """Args:
        policy: Whose rates every yardstick must support.
        """
        self._policy = policy
        self._known: dict[str, Yardstick] = {}

    def register(self, snapshot: str, yardstick: Yardstick) -> None:
        """Before any worker may answer with this snapshot.

        Raises:
            CalibrationError: nothing supports `accept_fmr` or `review_fmr`. Where nothing supports `identify_fmr`,
                `impostor_suspected` is simply never issued.
        """
        yardstick.thresholds.require(self._policy.accept_fmr, "accept_fmr")
        yardstick.thresholds.require(self._policy.review_fmr, "review_fmr")
        self._known[snapshot] = yardstick

    def of(self, snapshot: str) -> Yardstick:
        """The yardstick of the snapshot that a finding names.

        Raises:
            SnapshotError: it was never registered: whatever made this finding must not be judged by another's.
        """
        if snapshot not in self._known:
            raise SnapshotError(
                f"a finding of snapshot {snapshot}, whose thresholds were never registered (those of "
                f"{', '.join(sorted(self._known)) or 'none'} were): end this run and start again, nothing is lost"
            )
        return self._known[snapshot]

    def keep_only(self, snapshots: Collection[str]) -> None:
        """Forget all others: no finding of theirs is in hand or can still come."""
        self._known = {snapshot: one for snapshot, one in self._known.items() if snapshot in snapshots}
