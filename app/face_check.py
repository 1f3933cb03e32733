"""One check of a face against a claimed person, outside the stream: the same stage, rates and thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hadir.app.wiring import policy_of, serving
from hadir.attendance.wording import coaching
from hadir.core.errors import InputError
from hadir.core.evidence import AppliedThreshold, FaceFinding
from hadir.core.settings import Settings
from hadir.core.verdict import Reason
from hadir.pipeline.ports import FaceJob

__all__ = ["FaceCheck", "check_face"]


@dataclass(frozen=True, slots=True)
class FaceCheck:
    """`accept` is the threshold that had to be reached; both are None where nothing was comparable."""

    person: str
    finding: FaceFinding
    accept: AppliedThreshold | None

    @property
    def passes(self) -> bool:
        """Whether 1:1 passes at the policy's accept_fmr."""
        claimed, accept = self.finding.claimed, self.accept
        score = accept.score(claimed) if claimed is not None and accept is not None else None
        if score is None or accept is None or accept.similarity is None:
            return False
        return score >= accept.similarity

    def as_json(self) -> dict[str, object]:
        """For machines."""
        accept, claimed = self.accept, self.finding.claimed
        return {
            "person": self.person,
            "passes": self.passes,
            "similarity": claimed.similarity if claimed else None,
            "normalised": claimed.normalised if claimed else None,
            "scale": accept.scale if accept else None,
            "threshold": accept.similarity if accept else None,
            "fmr": accept.fmr if accept else None,
            "cell": accept.cell if accept else None,
            "source": accept.source if accept else None,
            "photos": [photo.code.value if photo.code else "usable" for photo in self.finding.photos],
            "snapshot": self.finding.snapshot,
        }

    def lines(self) -> list[tuple[str, str]]:
        """For people."""
        accept, claimed = self.accept, self.finding.claimed
        told = [(f"foto · photo {n}", _judged(photo.code)) for n, photo in enumerate(self.finding.photos, start=1)]
        if claimed is not None and accept is not None and accept.similarity is not None:
            z = "" if claimed.normalised is None else f", normalised {claimed.normalised:.3f}"
            told.append(("kemiripan · similarity", f"{claimed.similarity:.4f} cosine to person {self.person}{z}"))
            where = f"{accept.scale} at FMR {accept.fmr:g} (cell {accept.cell} of {accept.source})"
            told.append(("perlu · needed", f"{accept.similarity:.4f} {where}"))
        told.append(("hasil · result", "cocok · passes" if self.passes else "tidak cocok · does not pass"))
        return told


def _judged(code: Reason | None) -> str:
    """What was wrong with a photo, and what to do about it."""
    if code is None:
        return "dapat dipakai · usable"
    says = coaching(code)
    return f"{code.value} · {says.id} ({says.en})"


def check_face(settings: Settings, pack: str, person: str, photos: Sequence[bytes]) -> FaceCheck:
    """Compare photos with a person's template in the serving snapshot.

    Raises:
        InputError: the person is not enrolled.
        PackError, SnapshotError, SpaceMismatch, ConfigError: as loading them.
    """
    served = serving(settings.model_copy(update={"faces": settings.faces.model_copy(update={"pack": pack})}))
    finding = served.stage().process([FaceJob(0, person, tuple(photos))])[0]
    if not finding.enrolled:
        raise InputError(
            f"person {person} is not enrolled in snapshot {finding.snapshot}: hadir enroll, then index build"
        )
    accept = None
    if finding.claimed is not None:
        policy = policy_of(settings)
        scale = served.thresholds.scale(policy.accept_fmr, finding.usable, finding.claimed)
        accept = served.thresholds.at(policy.accept_fmr, finding.usable, finding.claimed.photos, scale)
    return FaceCheck(person, finding, accept)
