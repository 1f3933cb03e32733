"""A photo that has been looked at and not embedded yet, whatever stands in front of the recogniser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hadir.core.evidence import PhotoFinding
from hadir.core.vectors import Vectors
from hadir.faces.image import Image, Points
from hadir.faces.pack import PhotoResult

__all__ = ["Looked", "embed_looked"]


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """`crop` is what the recogniser will see, None where there is nothing to embed; `points_px` are the photo's own
    pixels, before any reduction."""

    finding: PhotoFinding
    crop: Image | None = None
    points_px: Points | None = None


def embed_looked(looked: Sequence[Looked], embed: Callable[[Sequence[Image]], Vectors]) -> list[PhotoResult]:
    """Results of the same length and order; all crops go to `embed` in one call."""
    vectors = iter(embed([look.crop for look in looked if look.crop is not None]))
    return [
        PhotoResult(look.finding, next(vectors) if look.crop is not None else None, look.points_px) for look in looked
    ]
