"""A hijab drawn on a face: cloth over hair, ears, neck and shoulders, up to the rim of forehead, cheeks and chin.

Shape, folds and light were chosen by eye, on photos from the front and from the side; nothing here was fitted to rates.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hadir.faces.drawing import Picture, Sitter, depth_inside, noise, paint, shape, smooth_closed, step
from hadir.faces.face_frame import OVAL, FaceFrame, Plane

__all__ = ["draw_hijab"]

_COLOURS = (
    *((38, 38, 42), (232, 228, 220), (74, 58, 44), (150, 122, 92), (36, 46, 84), (122, 36, 46)),
    *((196, 160, 160), (120, 132, 110), (128, 128, 134), (214, 196, 166), (60, 92, 96)),
)

_PROFILE = (
    *((-1.8, 0.0), (-1.78, 0.36), (-1.62, 0.8), (-1.3, 1.12), (-0.8, 1.28), (-0.2, 1.33), (0.3, 1.34), (0.8, 1.37)),
    *((1.15, 1.46), (1.5, 1.7), (1.9, 2.1), (2.4, 2.6), (3.2, 3.1), (9.0, 3.6)),
)
"""The outer edge: y and half width, in face coordinates, from the crown to below the shoulders."""


def draw_hijab(picture: Picture, sitter: Sitter) -> Picture:
    """Draw one whose colour, folds and fit vary."""
    size, frame, light, rng = picture.shape[:2], sitter.frame, sitter.light, sitter.rng
    x, y = frame.grid(*size)
    soft = max(1.0, frame.width_px * 0.012)
    outside = shape(size, frame.to_photo(_outline(frame, rng)), soft)
    opening = shape(size, _opening(sitter), soft)
    cloth = outside * (1 - opening)
    colour = sitter.tone(_COLOURS)
    shade = _shade(x, y, opening, outside, sitter)
    lit = shade * light.level * (1 + 0.5 * light.slant * np.clip(x, -1.5, 1.5))
    weave = noise(rng, size, max(1.0, frame.width_px / 120))[..., None] * 2.0
    textile = colour * lit[..., None] + weave + 8 * np.clip(lit - 0.9, 0, 1)[..., None]
    shadowed = picture * (1 - _shadow(y, opening, frame))[..., None]
    return paint(np.asarray(shadowed, dtype=np.float32), textile.astype(np.float32), cloth)


def _outline(frame: FaceFrame, rng: np.random.Generator) -> NDArray[np.float64]:
    """Both sides of the profile; the head of a turned face reaches farther back on the side it turns away from."""
    profile = np.array(_PROFILE)
    fit = 1 + rng.normal(0, 0.02)
    behind = 0.45 * frame.turn * np.clip((2.0 - profile[:, 0]) / 2.0, 0, 1)
    right = np.column_stack([profile[:, 1] * fit - np.minimum(behind, 0) * (profile[:, 1] > 0), profile[:, 0]])
    left = np.column_stack([-profile[:, 1] * fit - np.maximum(behind, 0) * (profile[:, 1] > 0), profile[:, 0]])
    corners = np.concatenate([right, left[:0:-1]])
    corners[:, 0] += 0.03 * rng.standard_normal(len(corners)) * (corners[:, 1] > 1.2)
    return smooth_closed(corners)


def _opening(sitter: Sitter) -> NDArray[np.float64]:
    """The face that stays visible: the mesh's rim, narrower at the cheeks, the hem at the hairline and the chin."""
    frame, rng = sitter.frame, sitter.rng
    rim = frame.to_face(sitter.points_px[list(OVAL)])
    narrow = 0.92 + rng.normal(0, 0.015)
    top, bottom = -0.92 + rng.normal(0, 0.03), 1.0 + abs(rng.normal(0, 0.03))
    x = rim[:, 0] * narrow
    y = np.clip(rim[:, 1], top - 0.06 * (1 - (x / narrow) ** 2), 2.0)
    y = np.where(y > 0.6, 0.6 + (y - 0.6) * bottom, y)
    return smooth_closed(frame.to_photo(np.column_stack([x, y])))


def _shade(x: Plane, y: Plane, opening: Plane, outside: Plane, sitter: Sitter) -> Plane:
    """How bright the cloth is, around 1: round over the head, folded below it, a hem around the face."""
    size, frame, rng = x.shape, sitter.frame, sitter.rng
    from_face = depth_inside(1 - opening, frame)
    from_edge = depth_inside(outside, frame)
    wander = noise(rng, (size[0], size[1]), frame.width_px * 0.45)
    fade = 0.55 + 0.45 * np.tanh(noise(rng, (size[0], size[1]), frame.width_px * 0.3))
    side = rng.choice([-1, 1])
    around = from_face / 0.5 + 0.3 * wander + 0.9 * side * np.arctan2(x, y) / np.pi
    across = (0.8 * x * side + y) / 0.7 + 0.16 * wander
    hanging = 1.1 * x + 0.3 * y * side + 0.2 * wander
    low = step(y, 0.1, 1.2)
    folds = 0.16 * low * fade * _crease(around + rng.random()) * step(-from_face, -1.2, -0.3)
    folds = folds + 0.13 * step(y, 1.0, 1.5) * step(-y, -2.6, -1.9) * fade * _crease(across + rng.random())
    folds = folds + 0.14 * step(y, 1.7, 2.6) * fade * _crease(hanging + rng.random())
    crown = 0.07 * (1 - low) * fade * _crease(from_face / 0.5 + 0.4 * wander + rng.random())
    rounded = 0.62 + 0.38 * (1 - np.exp(-from_edge / 0.22))
    hem = 0.12 * np.exp(-(((from_face - 0.05) / 0.022) ** 2)) - 0.22 * np.exp(-from_face / 0.03)
    under_chin = 0.3 * np.exp(-((x / 0.75) ** 2) - ((y - 1.16) / 0.24) ** 2)
    return np.asarray((rounded + folds + crown + hem - under_chin) * (1 + 0.03 * wander), dtype=np.float32)


def _crease(phase: NDArray[np.floating]) -> Plane:
    """Broad ridges, steeper on one side, as cloth lies; about -1..1."""
    turn = 2 * np.pi * phase
    return np.asarray(0.75 * np.sin(turn) + 0.3 * np.sin(2 * turn + 0.9) + 0.12 * np.sin(3 * turn), dtype=np.float32)


def _shadow(y: Plane, opening: Plane, frame: FaceFrame) -> Plane:
    """What the hem takes of the light on the skin beside it; most on the forehead."""
    inside = depth_inside(opening, frame)
    return np.asarray(opening * np.exp(-inside / 0.06) * (0.22 + 0.2 * step(-y, 0.2, 0.9)), dtype=np.float32)
