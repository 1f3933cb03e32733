"""Glasses drawn on a face: clear ones with a rim, or dark ones, with bridge, arms and a reflection."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.drawing import Picture, Sitter, paint, shape

__all__ = ["draw_glasses"]

_RIMS = ((28, 26, 26), (70, 46, 32), (96, 98, 104), (120, 92, 50), (40, 44, 70))
_DARK = ((26, 26, 30), (52, 38, 28), (34, 42, 38))
_EYES = ((33, 133, 159, 145), (263, 362, 386, 374))
_TEMPLES = (127, 356)


def draw_glasses(picture: Picture, sitter: Sitter, dark: bool) -> Picture:
    """Draw a pair whose size, roundness, rim and tint vary."""
    frame, light, rng = sitter.frame, sitter.light, sitter.rng
    rim = sitter.tone(_RIMS) * light.level
    tint = sitter.tone(_DARK) * light.level if dark else np.full(3, 225.0, np.float32)
    half = np.array([0.34, 0.2 if not dark else 0.23]) * rng.uniform(0.92, 1.1, size=2)
    power = rng.uniform(2.2, 4.5)
    thick = max(1.2, frame.width_px * rng.uniform(0.014, 0.03))
    soft = max(0.8, frame.width_px * 0.008)
    lenses = [_lens(sitter, eye, half, power) for eye in _EYES]
    drawn = picture
    for outline in lenses:
        glass = shape(picture.shape[:2], frame.to_photo(outline), soft)
        drawn = paint(drawn, _glass(drawn, outline, tint, sitter), glass * (0.94 if dark else 0.1))
    return _rims(drawn, lenses, rim, thick, sitter)


def _lens(sitter: Sitter, eye: tuple[int, ...], half: NDArray[np.float64], power: float) -> NDArray[np.float64]:
    """A superellipse about the eye, its centre a little outwards and below, in face coordinates (64, 2)."""
    middle = sitter.frame.to_face(sitter.points_px[list(eye)]).mean(axis=0)
    middle += (0.02 * np.sign(middle[0]), 0.05)
    t = np.linspace(0, 2 * np.pi, 64, endpoint=False)
    ring = np.column_stack([np.sign(f(t)) * np.abs(f(t)) ** (2 / power) for f in (np.cos, np.sin)])
    return np.asarray(middle + ring * half, dtype=np.float64)


def _glass(picture: Picture, outline: NDArray[np.float64], tint: NDArray[np.float32], sitter: Sitter) -> Picture:
    """The tint, lighter towards the lower edge, with one soft slanting reflection."""
    x, y = sitter.frame.grid(*picture.shape[:2])
    low, high = outline.min(axis=0), outline.max(axis=0)
    down = np.clip((y - low[1]) / (high[1] - low[1]), 0, 1)
    across = (x - low[0]) / (high[0] - low[0]) + 0.6 * down
    streak = np.exp(-(((across - sitter.rng.uniform(0.5, 1.0)) / 0.12) ** 2)) * (1 - down)
    return np.asarray(tint * (1 + 0.5 * down)[..., None] + 55 * streak[..., None], dtype=np.float32)


def _rims(
    picture: Picture, lenses: list[NDArray[np.float64]], rim: NDArray[np.float32], thick_px: float, sitter: Sitter
) -> Picture:
    """Rims, bridge and arms as one soft stroke over a faint shadow."""
    points_px, frame = sitter.points_px, sitter.frame
    stroke = np.zeros(picture.shape[:2], np.uint8)
    left, right = lenses
    inner = [left[left[:, 0].argmax()], right[right[:, 0].argmin()]]
    arch = np.array([inner[0], (inner[0] + inner[1]) / 2 - (0, 0.05), inner[1]])
    lines = [(outline, True) for outline in lenses] + [(arch, False)]
    for outline, temple in zip(lenses, _TEMPLES, strict=True):
        end = frame.to_face(points_px[[temple]])[0]
        outer = outline[np.abs(outline[:, 0]).argmax()]
        lines.append((np.array([outer, outer * 0.3 + end * 0.7, end * (1.04, 1.0)]), False))
    for points, closed in lines:
        pixels = np.round(frame.to_photo(points) * 16).astype(np.int32)
        cv2.polylines(stroke, [pixels], closed, 255, max(1, round(thick_px)), cv2.LINE_AA, 4)
    sharp = cv2.GaussianBlur(stroke, (0, 0), max(0.4, thick_px * 0.18)).astype(np.float32) / 255
    below = np.roll(cv2.GaussianBlur(stroke, (0, 0), thick_px), round(thick_px), axis=0).astype(np.float32) / 255
    shadowed = np.asarray(picture * (1 - 0.35 * below)[..., None], dtype=np.float32)
    return paint(shadowed, rim, np.asarray(sharp, dtype=np.float32))
