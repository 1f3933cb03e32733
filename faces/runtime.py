"""Where models run: this processor, or a graphics card."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["CPU", "Provider", "Runtime"]

Provider = Literal["cpu", "cuda", "tensorrt"]


@dataclass(frozen=True, slots=True)
class Runtime:
    """`allow_cpu` says that the CPU may serve where the card is not to be had; otherwise a pack refuses to load.
    `memory_limit_bytes` bounds what one session takes of the card's memory, None: no bound."""

    provider: Provider = "cpu"
    allow_cpu: bool = False
    device_id: int = 0
    memory_limit_bytes: int | None = None


CPU = Runtime()
