"""Cloth, glass and shadow on a photo: soft-edged shapes, folds, and light that matches the face's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.face_frame import FaceFrame, Plane
from hadir.faces.image import Image, Points

__all__ = [
    "Light",
    "Picture",
    "Sitter",
    "as_image",
    "depth_inside",
    "light_on",
    "noise",
    "paint",
    "shape",
    "smooth_closed",
    "step",
]

Picture = NDArray[np.float32]
"""(H, W, 3) float32 RGB, 0..255."""

_CHEEKS = (50, 280)
_SKIN = (9, 50, 101, 118, 151, 280, 330, 347, 200)
_BRIGHT_SKIN = 150.0
_SUBPIXEL_BITS = 4


@dataclass(frozen=True, slots=True)
class Light:
    """How bright the face is, 1 = well lit, and how much brighter the image's right cheek is than the left, -1..1."""

    level: float
    slant: float
    grey: bool


@dataclass(frozen=True, slots=True, eq=False)
class Sitter:
    """Who is drawn on: the mesh (468, 2) in pixels, its frame, the light, and the source of variation."""

    points_px: Points
    frame: FaceFrame
    light: Light
    rng: np.random.Generator

    def tone(self, colours: Sequence[tuple[int, int, int]]) -> NDArray[np.float32]:
        """One of the colours, (3,) RGB; its brightness alone where the photo is grey."""
        colour = np.array(colours[int(self.rng.integers(len(colours)))], dtype=np.float32)
        return np.full(3, colour @ (0.299, 0.587, 0.114), dtype=np.float32) if self.light.grey else colour


def light_on(image: Image, points_px: Points) -> Light:
    """Read off the skin, so that what is drawn on it stands in the same light; a grey photo stays grey."""
    height, width = image.shape[:2]
    reach = max(1, round(float(np.ptp(points_px[:, 0])) * 0.03))

    def brightness(point: int) -> float:
        x, y = (round(float(v)) for v in points_px[point])
        x, y = min(max(x, 0), width - 1), min(max(y, 0), height - 1)
        return float(image[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].mean())

    left, right = (brightness(point) for point in _CHEEKS)
    level = float(np.median([brightness(point) for point in _SKIN])) / _BRIGHT_SKIN
    grey = bool((np.ptp(image[:: max(1, height // 64), :: max(1, width // 64)], axis=2) <= 2).mean() > 0.98)
    return Light(
        float(np.clip(level, 0.12, 1.25)), float(np.clip((right - left) / (right + left + 1), -0.6, 0.6)), grey
    )


def shape(size: tuple[int, int], outline_px: NDArray[np.floating], soft_px: float) -> Plane:
    """(H, W) float32 in 0..1: 1 inside a closed outline (N, 2), with an edge about `soft_px` wide."""
    mask = np.zeros(size, np.uint8)
    corners = np.round(np.clip(outline_px, -1e5, 1e5) * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, cv2.LINE_AA, _SUBPIXEL_BITS)
    return _blurred(np.asarray(mask / 255, dtype=np.float32), soft_px * 0.75)


def paint(picture: Picture, colour: Picture | NDArray[np.float32], alpha: Plane) -> Picture:
    """`colour`, (H, W, 3) or (3,), over the picture where `alpha` (H, W) says so."""
    return np.asarray(picture + (colour - picture) * alpha[..., None], dtype=np.float32)


def as_image(picture: Picture) -> Image:
    """Back to (H, W, 3) uint8."""
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def depth_inside(mask: Plane, frame: FaceFrame) -> Plane:
    """How far every pixel lies inside a shape, in half face widths; 0 outside."""
    far = np.minimum(cv2.distanceTransform((mask > 0.5).astype(np.uint8), cv2.DIST_L2, 5), sum(mask.shape))
    return np.asarray(far / (frame.width_px / 2), dtype=np.float32)


def noise(rng: np.random.Generator, size: tuple[int, int], grain_px: float) -> Plane:
    """(H, W) smooth noise of about unit spread whose hills are `grain_px` wide."""
    coarse = tuple(max(4, int(side / max(grain_px, 1)) + 3) for side in size)
    hills = rng.standard_normal(coarse).astype(np.float32)
    return np.asarray(cv2.resize(hills, (size[1], size[0]), interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def step(values: Plane, start: float, end: float) -> Plane:
    """0 up to `start`, 1 from `end` on, smooth between."""
    t = np.clip((values - start) / (end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


def smooth_closed(corners: NDArray[np.floating], rounds: int = 3) -> NDArray[np.float64]:
    """A closed outline without corners (Chaikin's corner cutting)."""
    points = np.asarray(corners, dtype=np.float64)
    for _ in range(rounds):
        following = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * following, 0.25 * points + 0.75 * following], axis=1).reshape(-1, 2)
    return points


def _blurred(plane: Plane, sigma_px: float) -> Plane:
    return np.asarray(cv2.GaussianBlur(plane, (0, 0), max(sigma_px, 0.3)), dtype=np.float32)
