"""The arrays that photos and points are, and the one way to shrink a photo before sampling it sparsely."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Image", "Matrix", "Points", "scale_of", "shrink"]

Image = NDArray[np.uint8]
"""(H, W, 3) uint8 RGB."""

Points = NDArray[np.float32]
"""(N, 2) float32 pixels, x right, y down."""

Matrix = NDArray[np.float64]
"""(2, 3) float64 affine map: `matrix @ (x, y, 1)`."""


def shrink(image: Image, factor: int) -> Image:
    """The photo at 1/`factor` of its size by area averaging: bilinear sampling of anything finer would alias."""
    if factor <= 1:
        return image
    height, width = image.shape[:2]
    size = (max(1, width // factor), max(1, height // factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def scale_of(small: Image, image: Image) -> tuple[float, float]:
    """What a point of `image` is multiplied by, (x, y), to lie in its shrunk copy; no half-pixel shift, like
    MediaPipe."""
    return small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]
