"""What models run on: what was asked for, and what was to be had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

__all__ = ["ModelFacts", "RunsModels"]


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """Of one worker: the `runtime` that was asked for, the `provider` that serves, the models' `precision`."""

    runtime: str
    provider: str
    precision: str

    @property
    def fell_back(self) -> bool:
        """Whether the CPU serves though a card was asked for."""
        return self.provider == "cpu" and self.runtime != "cpu"


@runtime_checkable
class RunsModels(Protocol):
    """What a worker's stage may be besides."""

    def models(self) -> ModelFacts:
        """What its models run on, here."""
        ...
