"""From landmarks to the upright crop that a descriptor was trained on: similarity fits and the two templates."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.image import Image, Matrix, Points, scale_of, shrink
from hadir.faces.mesh import Mesh

__all__ = [
    "ARCFACE_PX",
    "CHIP_PX",
    "arcface_points",
    "arcface_template",
    "canonical_template",
    "cut_chip",
    "fit_similarity",
    "five_of",
]

CHIP_PX = 150
"""dlib's face descriptor was trained on chips of this size."""

CANONICAL_SCALE = 8.113
CANONICAL_SHIFT = (73.97, 67.88)
CANONICAL_ZOOM = 1.03
"""Three constants fitted by least squares to the mean mesh over 1,092 chips that dlib's own landmarks had aligned."""

ARCFACE_PX = 112
ARCFACE_TEMPLATE = ((38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041))
"""Eyes, nose tip, mouth corners (image left before right) in ArcFace's 112-px crop; InsightFace's `face_align`."""

MIN_SCALE = 0.5
"""Below this, bilinear sampling skips pixels, so the photo is shrunk first."""


def canonical_template(canonical: NDArray[np.float32]) -> Points:
    """Where each of the 468 points lies in the 150-px chip.

    `canonical` is MediaPipe's canonical face, (468, 3) float32, x right, y up, centimetres.
    """
    flipped = canonical[:, :2].astype(np.float64) * (CANONICAL_SCALE, -CANONICAL_SCALE) + CANONICAL_SHIFT
    centre = CHIP_PX / 2
    return np.asarray((flipped - centre) * CANONICAL_ZOOM + centre, dtype=np.float32)


def arcface_template() -> Points:
    """The five points of an ArcFace crop, (5, 2)."""
    return np.array(ARCFACE_TEMPLATE, dtype=np.float32)


def arcface_points(mesh: Mesh) -> Points:
    """The five points of a mesh that ArcFace aligns by: as accurate as its own detector's (measured), with mesh point 4
    as the nose tip (point 1 is worse)."""
    return five_of(mesh.points_px)


def five_of(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Eyes, nose tip, mouth corners of mesh points (468, D), (5, D)."""
    left_eye, right_eye = (points[33] + points[133]) / 2, (points[362] + points[263]) / 2
    return np.stack([left_eye, right_eye, points[4], points[61], points[291]])


def fit_similarity(points: Points, template: Points) -> Matrix:
    """The least-squares turn, scale and shift that carries `points` to `template`, both (N, 2); never a reflection.

    Closed form of Umeyama (1991) in two dimensions. Raises ValueError where all points coincide.
    """
    source, target = points.astype(np.float64), template.astype(np.float64)
    source_mean, target_mean = source.mean(axis=0), target.mean(axis=0)
    a, b = source - source_mean, target - target_mean
    spread = float((a * a).sum())
    if not spread > 0.0:
        raise ValueError(f"{len(points)} points that all coincide cannot be aligned")
    cosine = float((a * b).sum()) / spread
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / spread
    turn = np.array([[cosine, -sine], [sine, cosine]])
    return np.column_stack([turn, target_mean - turn @ source_mean])


def cut_chip(image: Image, matrix: Matrix, side_px: int) -> Image:
    """The square crop that `matrix` (photo to chip) describes; black where it reaches beyond the photo."""
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    small = shrink(image, int(1.0 / scale)) if scale < MIN_SCALE else image
    scale_x, scale_y = scale_of(small, image)
    from_small = matrix / (scale_x, scale_y, 1.0)
    chip = cv2.warpAffine(small, from_small, (side_px, side_px), flags=cv2.INTER_LINEAR)
    return np.asarray(chip, dtype=np.uint8)
