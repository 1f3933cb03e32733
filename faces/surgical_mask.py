"""A surgical mask drawn on a face: from the bridge of the nose to below the chin, pleated, with loops to the ears."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.drawing import Picture, Sitter, depth_inside, noise, paint, shape, smooth_closed, step
from hadir.faces.face_frame import Plane

__all__ = ["draw_mask"]

_COLOURS = ((150, 190, 214), (226, 230, 232), (44, 46, 50), (168, 200, 186))
_UPPER = (93, 147, 50, 101, 209, 197, 429, 330, 280, 376, 323)
"""From the rim at the image's left, under the eye, over the bridge of the nose, to the rim at the right."""

_LOWER = (361, 288, 397, 365, 379, 378, 400, 377, 152, 148, 176, 149, 150, 136, 172, 58, 132)
_EARS = ((93, 132, 234), (323, 361, 454))
_BELOW_CHIN = 0.07


def draw_mask(picture: Picture, sitter: Sitter) -> Picture:
    """Draw one whose colour, height and pleats vary."""
    size, frame, light, rng = picture.shape[:2], sitter.frame, sitter.light, sitter.rng
    x, y = frame.grid(*size)
    local = frame.to_face(_outline(sitter))
    mask = shape(size, frame.to_photo(local), max(1.0, frame.width_px * 0.01))
    colour = sitter.tone(_COLOURS)
    shade = _shade(x, y, local, mask, sitter) * light.level * (1 + 0.5 * light.slant * np.clip(x, -1.2, 1.2))
    grain = noise(rng, (size[0], size[1]), max(1.0, frame.width_px / 110))[..., None] * 1.5
    cast = cv2.GaussianBlur(mask, (0, 0), max(0.5, frame.width_px * 0.02)) * 0.25
    shadowed = np.asarray(picture * (1 - cast)[..., None], dtype=np.float32)
    looped = _loops(shadowed, sitter, colour * light.level)
    return paint(looped, (colour * shade[..., None] + grain).astype(np.float32), mask)


def _outline(sitter: Sitter) -> NDArray[np.float64]:
    points_px, frame, rng = sitter.points_px, sitter.frame, sitter.rng
    upper, lower = frame.to_face(points_px[list(_UPPER)]), frame.to_face(points_px[list(_LOWER)])
    upper[:, 1] += rng.normal(0, 0.02)
    lower[:, 1] += _BELOW_CHIN * step(lower[:, 1].astype(np.float32), 0.3, 1.0) + 0.01
    return smooth_closed(frame.to_photo(np.concatenate([upper, lower])), rounds=2)


def _shade(x: Plane, y: Plane, outline: NDArray[np.float64], mask: Plane, sitter: Sitter) -> Plane:
    """Around 1: bent about the face, three pleats across, a stiff edge, a ridge where nose and chin press."""
    frame, rng = sitter.frame, sitter.rng
    turned = x - 0.6 * frame.turn
    bent = 1.02 - 0.3 * turned**2
    top, bottom = float(outline[:, 1].min()), float(outline[:, 1].max())
    height = (y - top) / (bottom - top) - 0.1 * turned**2
    pleats = np.zeros_like(x)
    for at in (0.42, 0.58, 0.74):
        below = height - at - rng.normal(0, 0.01)
        pleats += -0.14 * np.exp(-((below / 0.018) ** 2)) + 0.05 * np.exp(-(((below + 0.04) / 0.03) ** 2))
    pressed = 0.08 * np.exp(-((turned / 0.16) ** 2)) * step(-height, -0.5, -0.1)
    edge = -0.16 * np.exp(-depth_inside(mask, frame) / 0.05)
    wander = noise(rng, (x.shape[0], x.shape[1]), frame.width_px * 0.18)
    return np.asarray((bent + pleats + pressed + edge) * (1 + 0.025 * wander), dtype=np.float32)


def _loops(picture: Picture, sitter: Sitter, colour: NDArray[np.float32]) -> Picture:
    """Two thin cords on each side, from the mask's corners to the ear."""
    points_px, frame = sitter.points_px, sitter.frame
    drawn = picture.copy()
    tone = [float(c) for c in np.clip(colour * 0.9, 0, 255)]
    width = max(1, round(frame.width_px * 0.012))
    for upper, lower, ear in _EARS:
        x, y = frame.to_face(points_px[[ear]])[0].tolist()
        behind = frame.to_photo(np.array([[x + 0.06 * np.sign(x), y - 0.1]]))[0]
        for start in (upper, lower):
            ends = [tuple(round(float(v) * 16) for v in p) for p in (points_px[start], behind)]
            cv2.line(drawn, ends[0], ends[1], tone, width, cv2.LINE_8, 4)
    return drawn
