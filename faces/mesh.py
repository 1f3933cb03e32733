"""468 points in 3D on a face: MediaPipe's face mesh, its region of interest, and whether a face is there at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.blazeface import Detection
from hadir.faces.image import Image, Matrix, Points, scale_of, shrink
from hadir.faces.onnx import Network, batch_of, sigmoid

__all__ = ["INPUT_PX", "POINTS", "FaceMesh", "Mesh"]

INPUT_PX = 192
POINTS = 468
REGION_SCALE = 1.5
"""The region's side over the longer side of the detector's box (MediaPipe's face landmark graph)."""

LEFT_EYE, RIGHT_EYE = 33, 263
MISJUDGED_RAD = math.radians(9)
MOST_FITS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Mesh:
    """`points_px` (468, 2) in the photo's pixels, `depth_px` (468,) in the same unit, negative = nearer to the camera.

    `presence` in 0..1: how sure the network is that its region holds a face.
    """

    points_px: Points
    depth_px: NDArray[np.float32]
    presence: float


class FaceMesh:
    """The landmark network. Belongs to one thread."""

    def __init__(self, network: Network) -> None:
        """`network` takes (N, 192, 192, 3) float32 in 0..1 and gives points (N, 1404) and a presence logit (N, 1)."""
        self._network = network

    def fit(self, faces: Sequence[tuple[Image, Detection]]) -> list[Mesh]:
        """The mesh of each face, in order; look at `presence` before using it.

        The detector misjudges the angle of a face that lies on its side by up to 40°, which spoils the mesh: where the
        mesh itself says so, it is fitted again to a region turned its way.
        """
        angles = [_angle(*detection.keypoints_px[:2]) for _, detection in faces]
        meshes: list[Mesh | None] = [None] * len(faces)
        turned = list(range(len(faces)))
        for _ in range(MOST_FITS):
            regions = [_region(faces[at][1].box_px, angles[at]) for at in turned]
            fitted = self._fit([faces[at][0] for at in turned], regions)
            misjudged = []
            for at, mesh in zip(turned, fitted, strict=True):
                meshes[at] = mesh
                seen = _angle(mesh.points_px[LEFT_EYE], mesh.points_px[RIGHT_EYE])
                if abs(math.remainder(seen - angles[at], math.tau)) >= MISJUDGED_RAD:
                    angles[at] = seen
                    misjudged.append(at)
            turned = misjudged
        return [mesh for mesh in meshes if mesh is not None]

    def _fit(self, images: Sequence[Image], regions: Sequence[Matrix]) -> list[Mesh]:
        if not images:
            return []
        crops = [_crop(image, region) for image, region in zip(images, regions, strict=True)]
        points, logits = self._network.run(batch_of(crops))
        presences = sigmoid(logits).ravel().tolist()
        return [_mesh(*one) for one in zip(points, presences, regions, strict=True)]


def _mesh(points: NDArray[np.float32], presence: float, region: Matrix) -> Mesh:
    """From crop pixels back to the photo's."""
    xyz = points.reshape(POINTS, 3)
    turn, shift = region[:, :2].astype(np.float32), region[:, 2].astype(np.float32)
    side = np.float32(math.hypot(region[0, 0], region[1, 0]))
    return Mesh(xyz[:, :2] @ turn.T + shift, xyz[:, 2] * side, presence)


def _angle(left_eye: Points, right_eye: Points) -> float:
    """Of the line from eye to eye, radians."""
    return math.atan2(float(right_eye[1] - left_eye[1]), float(right_eye[0] - left_eye[0]))


def _region(box_px: NDArray[np.float32], angle_rad: float) -> Matrix:
    """Crop pixels to photo pixels: a square around the box, turned so that the eyes lie level."""
    x0, y0, x1, y1 = (float(edge) for edge in box_px)
    scale = REGION_SCALE * max(x1 - x0, y1 - y0) / INPUT_PX
    c, s = scale * math.cos(angle_rad), scale * math.sin(angle_rad)
    half = INPUT_PX / 2
    shift_x, shift_y = (x0 + x1) / 2 - (c - s) * half, (y0 + y1) / 2 - (s + c) * half
    return np.array([[c, -s, shift_x], [s, c, shift_y]])


def _crop(image: Image, region: Matrix) -> NDArray[np.float32]:
    """The network's input (1, 192, 192, 3): the region, with the photo's edge repeated where it reaches beyond."""
    small = shrink(image, int(math.hypot(region[0, 0], region[1, 0])))
    to_small = np.array(scale_of(small, image))[:, None] * region
    crop = cv2.warpAffine(
        small,
        to_small,
        (INPUT_PX, INPUT_PX),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.multiply(crop, 1.0 / 255.0, dtype=np.float32)[None]
