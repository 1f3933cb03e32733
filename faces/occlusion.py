"""What people wear on their faces, drawn on photos of them: to measure what it costs before it costs somebody a day.

A drawing is not a photo of the real thing: it has no weight, moves no cheek and casts the wrong shadow. It shows what
becomes of a comparison when those parts of the face can no longer be seen.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np

from hadir.faces.drawing import Sitter, as_image, light_on
from hadir.faces.eyewear import draw_glasses
from hadir.faces.face_frame import frame_of
from hadir.faces.hijab import draw_hijab
from hadir.faces.image import Image, Points
from hadir.faces.mesh import POINTS
from hadir.faces.surgical_mask import draw_mask

__all__ = ["Occlusion", "occlude"]


class Occlusion(StrEnum):
    """What can be drawn: glasses have clear lenses, sunglasses dark ones."""

    HIJAB = "hijab"
    MASK = "mask"
    GLASSES = "glasses"
    SUNGLASSES = "sunglasses"


def occlude(image: Image, points_px: Points, kind: Occlusion, seed: int) -> Image:
    """A copy of `image` in which the face of the mesh `points_px` (468, 2) wears it; `seed` varies colour and fit.

    The same arguments give the same pixels. Raises ValueError where the mesh has another shape or no extent.
    """
    if points_px.shape != (POINTS, 2):
        raise ValueError(f"a mesh of shape {points_px.shape}, expected ({POINTS}, 2)")
    sitter = Sitter(points_px, frame_of(points_px), light_on(image, points_px), np.random.default_rng(seed))
    picture = image.astype(np.float32)
    if kind is Occlusion.HIJAB:
        return as_image(draw_hijab(picture, sitter))
    if kind is Occlusion.MASK:
        return as_image(draw_mask(picture, sitter))
    return as_image(draw_glasses(picture, sitter, dark=kind is Occlusion.SUNGLASSES))
