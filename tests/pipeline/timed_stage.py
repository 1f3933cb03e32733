"""A stage that says what it took, always the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import ClassVar

from hadir.core.evidence import FaceFinding
from hadir.core.timings import StageName
from hadir.pipeline.ports import FaceJob
from tests.pipeline.world import PhotoStage

__all__ = ["TimedStage"]


@dataclass(frozen=True, slots=True)
class TimedStage:
    """As `PhotoStage`, and `Timed`."""

    SPENT: ClassVar[Mapping[StageName, float]] = MappingProxyType(
        {StageName.DECODE: 0.003, StageName.EMBED: 0.2, StageName.SEARCH: 0.002}
    )

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        return PhotoStage().process(jobs)

    def spent(self) -> Mapping[StageName, float]:
        return dict(self.SPENT)
