"""Where a person belongs at the time that counts: unit, shift and the day on which it began.

The time that counts is `received_at` for `face` (a phone's clock is its owner's) and `captured_at` for the others (a
reader without network and a sheet of paper arrive later than the person did). The day that counts for membership and
placements is that of the open shift, so that a night shift belongs to the day on which it began; with no shift open,
the unit's local date.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from hadir.attendance.ledger_row import HistoryKey
from hadir.attendance.roster import Membership, Roster
from hadir.attendance.shifts import Shifts, day_of
from hadir.core.check_in import Channel, CheckIn
from hadir.core.evidence import ShiftWindow

__all__ = ["Duties", "Duty"]


@dataclass(frozen=True, slots=True)
class Duty:
    """`key` is the open shift's; where none is open (`shift` None) the unit's and local date's alone. `history` says
    whose earlier rows count."""

    unit: str
    key: str
    shift: ShiftWindow | None
    history: HistoryKey

    @property
    def day(self) -> date:
        """The local date on which it began."""
        return day_of(self.key)


class Duties:
    """Holds no state of its own; safe to share between threads."""

    def __init__(self, roster: Roster, shifts: Shifts) -> None:
        self._roster = roster
        self._shifts = shifts

    def of(self, check_in: CheckIn, received_at_ms: int) -> Duty | None:
        """The membership whose shift is open, else the one that covers the local date; the latest where two do. None
        where the person is not on the roster then."""
        at_ms = received_at_ms if check_in.channel is Channel.FACE else check_in.captured_at_ms
        memberships = self._roster.memberships(check_in.person)[::-1]
        for one in memberships:
            shift = self._shifts.open_window(one.unit, check_in.direction, at_ms, one.period)
            if shift is not None:
                return _duty(one.unit, shift.key, shift, check_in)
        for one in memberships:
            if self._covers(one, at_ms):
                return _duty(one.unit, self._shifts.fallback_key(one.unit, at_ms), None, check_in)
        return None

    def _covers(self, membership: Membership, at_ms: int) -> bool:
        return membership.period.covers(self._shifts.units.local_day(membership.unit, at_ms))


def _duty(unit: str, key: str, shift: ShiftWindow | None, check_in: CheckIn) -> Duty:
    return Duty(unit, key, shift, HistoryKey(check_in.person, check_in.direction.value, key))
