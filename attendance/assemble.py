"""From a received check-in and what its photos showed to the evidence that `decide` looks at.

Which checks apply: to `face` all; to `fingerprint` and `paper` roster and shift only.
"""

from __future__ import annotations

from hadir.attendance.duty import Duties, Duty
from hadir.attendance.geofence import nearest
from hadir.attendance.policy import Policy
from hadir.attendance.roster import Roster
from hadir.attendance.shifts import Shifts
from hadir.attendance.sites import Sites
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.check_in import Channel, CheckIn, Received
from hadir.core.errors import ConfigError
from hadir.core.evidence import AppliedThreshold, Candidate, Evidence, FaceFinding, History, Place

__all__ = ["Assembler"]


class Assembler:
    """Looks up roster, shifts, sites, and the thresholds of the snapshot that made a finding. Used by one thread."""

    def __init__(
        self,
        roster: Roster,
        sites: Sites,
        shifts: Shifts,
        policy: Policy,
        yardsticks: Yardsticks,
    ) -> None:
        """Check that the files fit each other.

        Raises:
            ConfigError: roster or placements name a unit or person that no other file knows.
        """
        _check_units(roster, sites, shifts)
        self._roster = roster
        self._sites = sites
        self._duties = Duties(roster, shifts)
        self._policy = policy
        self._yardsticks = yardsticks

    def duty(self, received: Received) -> Duty | None:
        """Where the person belongs then; None where a field is invalid or the person is not on the roster."""
        check_in = received.check_in
        return None if check_in is None else self._duties.of(check_in, received.received_at_ms)

    def evidence(
        self,
        received: Received,
        duty: Duty | None,
        face: FaceFinding | None,
        failed_attempts: int,
        history: History,
    ) -> Evidence:
        """Everything but the claim itself. `duty` is what `duty` said of it; `face` is None for other
        channels, or when `failed_attempts` were spent.

        Raises:
            SnapshotError: nobody registered the thresholds of the snapshot that made `face`.
        """
        check_in = received.check_in
        if check_in is None:
            return Evidence(received.received_at_ms, received.person in self._roster)
        if duty is None:
            return Evidence(received.received_at_ms, on_roster=False, face=face, failed_attempts=failed_attempts)
        claimed = face.claimed if face is not None else None
        rival = face.others[0] if face is not None and face.others else None
        return Evidence(
            received_at_ms=received.received_at_ms,
            on_roster=True,
            face=face,
            failed_attempts=failed_attempts,
            accept=self._threshold(self._policy.accept_fmr, face, claimed, self._policy.accept_fmr),
            review=self._threshold(self._policy.review_fmr, face, claimed, self._policy.accept_fmr),
            identify=self._threshold(self._policy.identify_fmr, face, rival, self._policy.identify_fmr),
            agree=self._agree(face),
            identify_margin=self._yardsticks.of(face.snapshot).identify_margin if face is not None else None,
            place=self._place(check_in, duty),
            shift=duty.shift,
            shift_key=duty.key,
            history=history,
        )

    def _place(self, check_in: CheckIn, duty: Duty) -> Place | None:
        if check_in.channel is not Channel.FACE or check_in.fix is None:
            return None
        return nearest(check_in.fix, self._sites.of(check_in.person, duty.unit, duty.day))

    def _threshold(
        self, fmr: float, face: FaceFinding | None, other: Candidate | None, strictest_fmr: float
    ) -> AppliedThreshold | None:
        """The rate's threshold in the cell of this comparison; None where there is nothing to compare. One comparison
        has one scale, which the strictest rate that is applied to it decides."""
        if face is None or face.usable < 1 or other is None or other.photos < 1:
            return None
        thresholds = self._yardsticks.of(face.snapshot).thresholds
        scale = thresholds.scale(strictest_fmr, face.usable, other)
        return thresholds.at(fmr, face.usable, other.photos, scale)

    def _agree(self, face: FaceFinding | None) -> AppliedThreshold | None:
        """Two photos of one check-in are one photo against one photo."""
        if face is None or face.agreement is None:
            return None
        return self._yardsticks.of(face.snapshot).thresholds.at(self._policy.review_fmr, 1, 1)


def _check_units(roster: Roster, sites: Sites, shifts: Shifts) -> None:
    for what, unknown in (
        ("the roster names units that the units file does not", {m.unit for m in roster} - _ids(shifts)),
        ("placements name units that the units file does not", sites.units - _ids(shifts)),
        ("placements name persons that the roster does not", {p for p in sites.persons if p not in roster}),
    ):
        if unknown:
            shown = ", ".join(sorted(unknown)[:5])
            raise ConfigError(f"{what}: {shown} ({len(unknown)} in all): add them there or remove the rows here")


def _ids(shifts: Shifts) -> set[str]:
    return {unit.id for unit in shifts.units}
