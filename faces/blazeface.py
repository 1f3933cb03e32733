"""Where the faces are: MediaPipe's short-range BlazeFace, its anchors, decoding and weighted suppression.

Sampling, decoding and constants follow MediaPipe's face detection graph (short range), so that its published
behaviour holds; outputs agree with MediaPipe to a tenth of a per cent of the face width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.image import Image, Points, scale_of, shrink
from hadir.faces.onnx import Network, batch_of, sigmoid

__all__ = ["INPUT_PX", "BlazeFace", "Detection"]

INPUT_PX = 128
MIN_SCORE = 0.5
MERGE_IOU = 0.3
KEYPOINTS = 6
GRIDS = ((16, 2), (8, 6))
"""(cells along a side, anchors per cell): strides 8 and 16 of a 128-px input, 896 anchors."""

MIN_SCALE = 0.4
"""Below this letterbox scale bilinear sampling skips pixels, so the photo is shrunk first ..."""

SHRUNK_SCALE = 0.8
"""... to about this much above the input's size."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face. `box_px` is (x0, y0, x1, y1); `keypoints_px` (6, 2): the eye on the image's left, the eye on its right,
    nose tip, mouth, the ear on the left, the ear on the right."""

    score: float
    box_px: NDArray[np.float32]
    keypoints_px: Points

    @property
    def width_px(self) -> float:
        """Of the box."""
        return float(self.box_px[2] - self.box_px[0])


class BlazeFace:
    """The detector. Belongs to one thread."""

    def __init__(self, network: Network) -> None:
        """`network` takes (N, 128, 128, 3) float32 in -1..1 and gives `regressors` and `classificators`, in order."""
        self._network = network
        self._anchors = _anchors()

    def detect(self, images: Sequence[Image], padded: bool = False) -> list[list[Detection]]:
        """Each photo's faces by descending score; `padded` sees it at half size with a black border, for tight
        crops."""
        if not images:
            return []
        boxed = [_letterbox(image, 2.0 if padded else 1.0) for image in images]
        regressors, logits = self._network.run(batch_of([crop for crop, _, _ in boxed]))
        return [
            self._faces(regressors[row], sigmoid(logits[row, :, 0]), scale, offset)
            for row, (_, scale, offset) in enumerate(boxed)
        ]

    def _faces(
        self, regressors: NDArray[np.float32], scores: NDArray[np.float32], scale: float, offset: NDArray[np.float32]
    ) -> list[Detection]:
        likely = np.flatnonzero(scores >= MIN_SCORE)
        if likely.size == 0:
            return []
        points = _decode(regressors[likely], self._anchors[likely])
        points = (points * INPUT_PX - offset) / scale
        return _merge(points, scores[likely])


def _anchors() -> NDArray[np.float32]:
    """Anchor centres, (896, 2) float32 in 0..1, row major."""
    centres = []
    for cells, per_cell in GRIDS:
        axis = (np.arange(cells) + 0.5) / cells
        x, y = np.meshgrid(axis, axis)
        centres.append(np.repeat(np.stack([x.ravel(), y.ravel()], axis=1), per_cell, axis=0))
    return np.concatenate(centres).astype(np.float32)


def _letterbox(image: Image, zoom_out: float) -> tuple[NDArray[np.float32], float, NDArray[np.float32]]:
    """The network's input (1, 128, 128, 3), and the scale and (x, y) offset that lead from photo to input pixels."""
    height, width = image.shape[:2]
    scale = INPUT_PX / (zoom_out * max(width, height))
    small = shrink(image, int(SHRUNK_SCALE / scale)) if scale < MIN_SCALE else image
    offset_x, offset_y = (INPUT_PX - width * scale) / 2, (INPUT_PX - height * scale) / 2
    scale_x, scale_y = scale_of(small, image)
    matrix = np.array([[scale / scale_x, 0.0, offset_x], [0.0, scale / scale_y, offset_y]])
    crop = cv2.warpAffine(small, matrix, (INPUT_PX, INPUT_PX), flags=cv2.INTER_LINEAR)
    batch = np.multiply(crop, 2.0 / 255.0, dtype=np.float32)[None]
    batch -= 1.0
    return batch, scale, np.array([offset_x, offset_y], dtype=np.float32)


def _decode(regressors: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Raw (N, 16) to points (N, 8, 2) in 0..1 of the input: box corners, then the six keypoints."""
    raw = regressors.reshape(-1, 2 + KEYPOINTS, 2) / INPUT_PX
    centres = raw[:, 0] + anchors
    half = raw[:, 1] / 2
    corners = np.stack([centres - half, centres + half], axis=1)
    return np.concatenate([corners, raw[:, 2:] + anchors[:, None]], axis=1)


def _merge(points: NDArray[np.float32], scores: NDArray[np.float32]) -> list[Detection]:
    """Weighted suppression: every group of overlapping boxes becomes its score-weighted mean, with the top score."""
    order = np.argsort(-scores, kind="stable")
    detections = []
    while order.size:
        overlapping = _iou(points[order[0]], points[order]) > MERGE_IOU
        overlapping[0] = True
        group = order[overlapping]
        weights = scores[group] / scores[group].sum()
        mean = np.einsum("n,nij->ij", weights, points[group]).astype(np.float32)
        detections.append(Detection(float(scores[order[0]]), mean[:2].reshape(4), mean[2:]))
        order = order[~overlapping]
    return detections


def _iou(one: NDArray[np.float32], many: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of one box with (N, 8, 2) points' boxes."""
    low = np.maximum(one[0], many[:, 0])
    high = np.minimum(one[1], many[:, 1])
    overlap = np.prod(np.maximum(high - low, 0.0), axis=1)
    areas = np.prod(np.maximum(many[:, 1] - many[:, 0], 0.0), axis=1)
    area = np.prod(np.maximum(one[1] - one[0], 0.0))
    return np.asarray(overlap / np.maximum(area + areas - overlap, 1e-9), dtype=np.float32)
