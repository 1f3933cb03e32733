"""Which way a head is turned, and how open its mouth and eyes are: read off the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hadir.faces.image import Points
from hadir.faces.mesh import Mesh

__all__ = ["Pose", "eye_openness", "mouth_openness", "pose_of"]

LEFT_CHEEK, RIGHT_CHEEK, FOREHEAD, CHIN = 234, 454, 10, 152
YAW_FACTOR = 1.017
PITCH_FACTOR = 0.96
PITCH_SHIFT_DEG = -1.0
"""Fitted to the rotation of the whole canonical face (Procrustes); correlation .999 for yaw and .991 for pitch."""


@dataclass(frozen=True, slots=True)
class Pose:
    """Degrees. Yaw > 0: turned to the image's right; pitch > 0: the chin is farther away than the forehead, head
    lowered; roll > 0: clockwise as seen in the image."""

    yaw_deg: float
    pitch_deg: float
    roll_deg: float


def pose_of(mesh: Mesh) -> Pose:
    """From the depth between cheeks and between forehead and chin, and the slope of the eyes."""
    yaw = YAW_FACTOR * _slope_deg(mesh, LEFT_CHEEK, RIGHT_CHEEK)
    pitch = PITCH_FACTOR * _slope_deg(mesh, FOREHEAD, CHIN) + PITCH_SHIFT_DEG
    eyes = mesh.points_px[263] - mesh.points_px[33]
    return Pose(yaw, pitch, float(np.degrees(np.arctan2(eyes[1], eyes[0]))))


def mouth_openness(points_px: Points) -> float:
    """Height over width of the inner lips of mesh points (468, 2): below .1 closed, above .45 open (measured)."""
    return _apart(points_px, 13, 14) / _apart(points_px, 78, 308)


def eye_openness(mesh: Mesh) -> tuple[float, float]:
    """Height over width of the eye on the image's left and on its right (Soukupová and Čech, 2016).

    Closed eyes give .07 to .17, and so do glasses and squinting: compare only with the same person's open value.
    """
    left = (_distance(mesh, 160, 144) + _distance(mesh, 158, 153)) / (2 * _distance(mesh, 33, 133))
    right = (_distance(mesh, 385, 380) + _distance(mesh, 387, 373)) / (2 * _distance(mesh, 362, 263))
    return left, right


def _slope_deg(mesh: Mesh, start: int, end: int) -> float:
    """How steeply the line between two points leads away from the camera."""
    depth = float(mesh.depth_px[end] - mesh.depth_px[start])
    return float(np.degrees(np.arctan2(depth, _distance(mesh, start, end))))


def _distance(mesh: Mesh, start: int, end: int) -> float:
    return _apart(mesh.points_px, start, end)


def _apart(points_px: Points, start: int, end: int) -> float:
    """In the image plane, pixels; never zero, so that a ratio of a degenerate mesh is large instead of an error."""
    return max(float(np.hypot(*(points_px[end] - points_px[start]))), 1e-6)
