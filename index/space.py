"""Naming an embedding space, and refusing to mix two.

The name is the hash that a pack computes over model files, detector, landmarks, alignment, views and precision. Vectors
of two spaces have the same shape and a meaningless cosine, so nothing but the name can tell that they do not belong
together.
"""

from __future__ import annotations

from dataclasses import dataclass

from hadir.core.errors import SpaceMismatch

__all__ = ["EmbeddingSpace", "require_same_space"]


@dataclass(frozen=True, slots=True)
class EmbeddingSpace:
    """Which vectors these are, whose model made them, and under which licence."""

    name: str
    dimension: int
    pack: str
    precision: str
    licence: str


def require_same_space(holder: str, holds: str, given: str) -> None:
    """Raise SpaceMismatch where `given` is not the space that `holder` (say "this gallery") holds."""
    if given != holds:
        raise SpaceMismatch(
            f"{holder} holds vectors of embedding space {holds}, but {given} was given: "
            "use the pack it was made with, or enrol its photos anew with the other pack"
        )
