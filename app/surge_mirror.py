"""What the pipeline will make of a selfie, known beforehand: so each check-in of a surge has an expected verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from hadir.app.wiring import Serving, policy_of, serving
from hadir.core.evidence import FaceFinding
from hadir.core.settings import Settings
from hadir.pipeline.ports import FaceJob, Stage

__all__ = ["Mirror"]

_SURE = 0.02
"""Cosine above the threshold (0.2 of a z): batches of another size round differently, by 2e-3 at most (measured)."""

_HARDLY_ALIKE: Final = 1e-1
"""A colleague's selfie must fail even at this rate: then it is sure to fail at the policy's."""


class Mirror:
    """Looks at selfies as the pipeline will: the same pack, snapshot, thresholds and policy. Not for two threads."""

    def __init__(self, settings: Settings) -> None:
        """Raises what loading pack and snapshot raises."""
        self.served: Serving = serving(settings)
        policy = policy_of(settings)
        self._stage: Stage = self.served.stage()
        self._accept, self._strictest = policy.accept_fmr, policy.identify_fmr

    def knows(self, selfie: bytes, people: Sequence[str]) -> bool:
        """Whether it surely passes for every one of these people."""
        return all(self._margin(found, self._accept) > _SURE for found in self._look(selfie, people))

    def strangers(self, selfie: bytes, people: Sequence[str]) -> list[str]:
        """For whom of these people it surely does not pass."""
        found = self._look(selfie, people)
        return [who for who, one in zip(people, found, strict=True) if self._margin(one, _HARDLY_ALIKE) < -_SURE]

    def _look(self, selfie: bytes, people: Sequence[str]) -> Sequence[FaceFinding]:
        return self._stage.process([FaceJob(n, person, (selfie,)) for n, person in enumerate(people)])

    def _margin(self, found: FaceFinding, fmr: float) -> float:
        """By how much, in cosine, it passes at this rate; 0 where nothing can be said."""
        if found.claimed is None or any(photo.code is not None for photo in found.photos):
            return 0.0
        thresholds = self.served.thresholds
        scale = thresholds.scale(self._strictest, found.usable, found.claimed)
        applied = thresholds.at(fmr, found.usable, found.claimed.photos, scale)
        score = applied.score(found.claimed)
        if applied.similarity is None or score is None:
            return 0.0
        return (score - applied.similarity) / (1.0 if scale == "cosine" else 10.0)
