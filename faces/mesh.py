"""468 points in 3D on a face: MediaPipe's face mesh, its region of interest, and whether a face is there at all."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.blazeface import Detection
from hadir.faces.image import Image, Matrix, Points, scale_of, shrink
from hadir.faces.onnx import Network, sigmoid

__all__ = ["INPUT_PX", "POINTS", "FaceMesh", "Mesh"]

INPUT_PX = 192
POINTS = 468
REGION_SCALE = 1.5
"""The region's side over the longer side of the detector's box (MediaPipe's face landmark graph)."""


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """`points_px` (468, 2) in the photo's pixels, `depth_px` (468,) in the same unit, negative = nearer to the camera.

    `presence` in 0..1: how sure the network is that its region holds a face.
    """

    points_px: Points
    depth_px: NDArray[np.float32]
    presence: float


class FaceMesh:
    """The landmark network. One face at a time: on a CPU it gains nothing from batches (measured)."""

    def __init__(self, network: Network) -> None:
        """`network` takes (N, 192, 192, 3) float32 in 0..1 and gives points (N, 1404) and a presence logit (N, 1)."""
        self._network = network

    def fit(self, image: Image, detection: Detection) -> Mesh:
        """The mesh of the face at `detection`; look at `presence` before using it."""
        region = _region(detection)
        points, logit = self._network.run(_crop(image, region))
        xyz = points.reshape(POINTS, 3)
        turn, shift = region[:, :2].astype(np.float32), region[:, 2].astype(np.float32)
        side = float(np.hypot(region[0, 0], region[1, 0]))
        presence = float(sigmoid(logit).item())
        return Mesh(xyz[:, :2] @ turn.T + shift, xyz[:, 2] * np.float32(side), presence)


def _region(detection: Detection) -> Matrix:
    """Crop pixels to photo pixels: a square around the box, turned so that the eyes lie level."""
    box = detection.box_px.astype(np.float64)
    side = REGION_SCALE * max(box[2] - box[0], box[3] - box[1]) / INPUT_PX
    eyes = detection.keypoints_px[1] - detection.keypoints_px[0]
    angle = np.arctan2(float(eyes[1]), float(eyes[0]))
    turn = side * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = (box[:2] + box[2:]) / 2
    shift = centre - turn @ np.full(2, INPUT_PX / 2)
    return np.column_stack([turn, shift])


def _crop(image: Image, region: Matrix) -> NDArray[np.float32]:
    """The network's input (1, 192, 192, 3): the region, with the photo's edge repeated where it reaches beyond."""
    small = shrink(image, int(np.hypot(region[0, 0], region[1, 0])))
    to_small = np.array(scale_of(small, image))[:, None] * region
    crop = cv2.warpAffine(
        small,
        to_small,
        (INPUT_PX, INPUT_PX),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.multiply(crop, 1.0 / 255.0, dtype=np.float32)[None]
