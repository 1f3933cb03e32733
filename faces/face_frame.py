"""Where a face lies in its photo: axes along which things can be drawn on it, read off the mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.faces.image import Points

__all__ = ["OVAL", "FaceFrame", "frame_of"]

OVAL = (
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377, 152),
    *(148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
"""The mesh's rim, clockwise in the image from the top of the forehead (MediaPipe's FACEMESH_FACE_OVAL)."""

_LEFT_EYE, _RIGHT_EYE, _NOSE_TIP = 33, 263, 1

Plane = NDArray[np.float32]
"""(H, W) float32."""


@dataclass(frozen=True, slots=True, eq=False)
class FaceFrame:
    """The face's own coordinates: x along the eyes, y towards the chin, the rim within -1..1 on both axes.

    `centre_px` (2,), `right_px` and `down_px` (2,): half the face's width and height as vectors in the photo. `turn`:
    where the nose tip lies on the x axis, 0 for a face seen from the front.
    """

    centre_px: NDArray[np.float64]
    right_px: NDArray[np.float64]
    down_px: NDArray[np.float64]
    turn: float

    @property
    def width_px(self) -> float:
        """From rim to rim."""
        return 2 * float(np.hypot(*self.right_px))

    def to_photo(self, local: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 2) face coordinates to (N, 2) pixels."""
        return np.asarray(self.centre_px + local @ np.stack([self.right_px, self.down_px]), dtype=np.float64)

    def to_face(self, points_px: NDArray[np.floating]) -> NDArray[np.float64]:
        """(N, 2) pixels to (N, 2) face coordinates."""
        back = np.linalg.inv(np.stack([self.right_px, self.down_px]))
        return np.asarray((points_px - self.centre_px) @ back, dtype=np.float64)

    def grid(self, height_px: int, width_px: int) -> tuple[Plane, Plane]:
        """x and y of every pixel of a photo, (H, W) each."""
        back = np.linalg.inv(np.stack([self.right_px, self.down_px]))
        columns, rows = np.arange(width_px) - self.centre_px[0], np.arange(height_px) - self.centre_px[1]
        x = columns[None, :] * back[0, 0] + rows[:, None] * back[1, 0]
        y = columns[None, :] * back[0, 1] + rows[:, None] * back[1, 1]
        return x.astype(np.float32), y.astype(np.float32)


def frame_of(points_px: Points) -> FaceFrame:
    """The frame of a mesh of (468, 2) pixels. Raises ValueError where the mesh has no extent."""
    points = points_px.astype(np.float64)
    eyes = points[_RIGHT_EYE] - points[_LEFT_EYE]
    length = float(np.hypot(*eyes))
    if not length > 0:
        raise ValueError("a mesh whose eyes coincide has no frame")
    right = eyes / length
    axes = np.stack([right, [-right[1], right[0]]])
    rim = points[list(OVAL)] @ axes.T
    low, high = rim.min(axis=0), rim.max(axis=0)
    half, middle = (high - low) / 2, (high + low) / 2
    if not (half > 0).all():
        raise ValueError("a mesh on a line has no frame")
    turn = float((points[_NOSE_TIP] @ axes[0] - middle[0]) / half[0])
    return FaceFrame(middle @ axes, axes[0] * half[0], axes[1] * half[1], turn)
