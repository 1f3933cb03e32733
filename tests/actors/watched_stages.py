"""Stages that say what their models run on and what a batch took; here workers find them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hadir.core.evidence import FaceFinding
from hadir.core.timings import StageName
from hadir.faces.model_facts import ModelFacts
from hadir.pipeline.ports import FaceJob
from tests.pipeline.timed_stage import TimedStage

__all__ = ["FELL_BACK", "ON_THE_CARD", "OnTheCard", "OnTheCpu"]

FELL_BACK = ModelFacts("cuda", "cpu", "fp16")
ON_THE_CARD = ModelFacts("cuda", "cuda", "fp16")


@dataclass(frozen=True)
class OnTheCpu:
    """Its card was not to be had."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        return TimedStage().process(jobs)

    def spent(self) -> Mapping[StageName, float]:
        return TimedStage().spent()

    def models(self) -> ModelFacts:
        return FELL_BACK


@dataclass(frozen=True)
class OnTheCard(OnTheCpu):
    """It was."""

    def models(self) -> ModelFacts:
        return ON_THE_CARD
