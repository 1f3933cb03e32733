"""InsightFace's detector (SCRFD) and recogniser (ArcFace), run through its package: the only file that imports it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import PackError
from hadir.core.evidence import LivenessFinding
from hadir.core.vectors import Vectors, normalise
from hadir.faces.alignment import ARCFACE_PX, arcface_points, arcface_template, cut_chip, fit_similarity
from hadir.faces.descriptor import MOST_PHOTOS
from hadir.faces.image import Image, Points
from hadir.faces.mesh import Mesh
from hadir.faces.onnx import Session, provider_of
from hadir.faces.runtime import BATCH_SIZES, padded_size

__all__ = [
    "DETECTOR_PX",
    "ArcFaceEmbedder",
    "FivePointFace",
    "LivenessAddOn",
    "ScrfdDetector",
    "is_arcface",
    "is_scrfd",
]

DETECTOR_PX = 640
"""The side of SCRFD's input, pinned: the package itself would look twice, at 128 and 640."""

DETECTOR_SCORE = 0.5
DETECTOR_OVERLAP = 0.4
"""The package's own limits: boxes below the first are dropped, boxes that overlap by more than the second are one."""


class _Recogniser(Protocol):
    def get_feat(self, imgs: list[Image]) -> NDArray[np.float32]: ...


class _Detector(Protocol):
    def detect(self, img: Image) -> tuple[NDArray[np.float32], NDArray[np.float32]]: ...


@dataclass(frozen=True, slots=True, eq=False)
class FivePointFace:
    """A face as SCRFD gives it: box (4,) x0, y0, x1, y1 and points (5, 2) eyes, nose tip, mouth corners (image left
    before right), float32 pixels of the photo; score in 0..1."""

    box_px: NDArray[np.float32]
    points_px: Points
    score: float

    @property
    def width_px(self) -> float:
        return float(self.box_px[2] - self.box_px[0])


def is_arcface(session: Session) -> bool:
    """Whether a model takes batches of ArcFace's 112-px crops and gives one vector for each."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    return (
        len(inputs) == len(outputs) == 1
        and list(inputs[0].shape[1:]) == [3, ARCFACE_PX, ARCFACE_PX]
        and len(outputs[0].shape) == 2
        and isinstance(outputs[0].shape[1], int)
    )


def is_scrfd(session: Session) -> bool:
    """Whether a model is a detector of SCRFD's kind with five points: scores, boxes and points of 3 or 5 levels."""
    inputs, outputs = session.get_inputs(), session.get_outputs()
    return (
        len(inputs) == 1
        and len(outputs) in {9, 15}
        and len(inputs[0].shape) == 4
        and inputs[0].shape[1] == 3
        and all(side == DETECTOR_PX or not isinstance(side, int) for side in inputs[0].shape[2:])
    )


class ScrfdDetector:
    """Every face of a photo with five points. One photo at a time, as the package offers it; belongs to one thread."""

    def __init__(self, session: Session) -> None:
        """`session` is ours, and the only one: the package would open another for every size, on threads of its own."""
        from insightface.model_zoo.scrfd import SCRFD

        detector = SCRFD(session=session, static_shape_sessions=False)
        detector.prepare(
            0, input_size=(DETECTOR_PX, DETECTOR_PX), det_thresh=DETECTOR_SCORE, nms_thresh=DETECTOR_OVERLAP
        )
        self._detector: _Detector = detector

    def detect(self, image: Image) -> list[FivePointFace]:
        """Widest first. A face that fills the photo is found by a second look with a border around it."""
        return self._look(image, 0) or self._look(image, max(image.shape[:2]) // 2)

    def _look(self, image: Image, border_px: int) -> list[FivePointFace]:
        bgr = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), dtype=np.uint8)
        if border_px:
            sides = (border_px, border_px, border_px, border_px)
            bgr = np.asarray(cv2.copyMakeBorder(bgr, *sides, cv2.BORDER_CONSTANT, value=(0, 0, 0)), dtype=np.uint8)
        boxes, points = self._detector.detect(bgr)
        shift = np.float32(border_px)
        faces = [
            FivePointFace(box[:4] - shift, five.astype(np.float32) - shift, float(box[4]))
            for box, five in zip(boxes, points, strict=True)
        ]
        return sorted(faces, key=lambda face: -face.width_px)


class LivenessAddOn:
    """The package's liveness model: five points laid into an 80-px crop, one probability. Belongs to one thread."""

    def __init__(self, name: str, path: Path, session: Session) -> None:
        """Raises PackError where `session`, of the model in `path`, is not such a model."""
        from insightface.addons.liveness import Liveness

        self.name = name
        try:
            self._liveness = Liveness(str(path), session=session)
        except RuntimeError as err:
            raise PackError(f"{path} is not the liveness add-on of insightface: {err}") from err

    def judge(self, image: Image, box_px: Sequence[float], five_px: Points) -> LivenessFinding:  # noqa: ARG002
        bgr = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2BGR), dtype=np.uint8)
        try:
            said = self._liveness.predict(bgr, five_px)
        except (RuntimeError, ValueError):
            return LivenessFinding(None, "not_aligned")
        if said["live_score"] is None:
            return LivenessFinding(None, "too_near_the_rim")
        return LivenessFinding(float(said["live_score"]), "measured")


class ArcFaceEmbedder:
    """Five points to a 112-px crop; crop and mirror image to one vector. Belongs to one thread.

    On a card batches are padded to a few sizes, each tried once beforehand, as `onnx.Network` does.
    """

    def __init__(self, path: Path, session: Session) -> None:
        """Wrap the package's recogniser around a session of ours, whose threads and providers are what we say they are.

        `session` is of the model in `path`, which the package reads once more to see whether it normalises its input.

        Raises:
            PackError: the model takes one face at a time only.
        """
        from insightface.model_zoo.arcface_onnx import ArcFaceONNX

        if isinstance(batch := session.get_inputs()[0].shape[0], int):
            raise PackError(f"{path.name} takes batches of {batch} only: export it with a dynamic batch size")
        self._recogniser: _Recogniser = ArcFaceONNX(model_file=str(path), session=session)
        self.dimension = int(session.get_outputs()[0].shape[1] or 0)
        self._template = arcface_template()
        self.provider = provider_of(session)
        self._pads = self.provider != "cpu"
        self._together = BATCH_SIZES[-1] // 2 if self._pads else MOST_PHOTOS
        if self._pads:
            blank = np.zeros((ARCFACE_PX, ARCFACE_PX, 3), dtype=np.uint8)
            for size in BATCH_SIZES:
                self._features([blank] * size)

    def crop(self, image: Image, mesh: Mesh, chip: Image) -> Image:  # noqa: ARG002 - it cuts its own
        return self.crop_by(image, arcface_points(mesh))

    def crop_by(self, image: Image, points: Points) -> Image:
        """The 112-px crop that lays five `points` (5, 2) on ArcFace's template.

        The package's `norm_crop`, which calls a function that scikit-image is about to remove; and a large face is
        shrunk before it is sampled, where `norm_crop` would skip pixels.
        """
        return cut_chip(image, fit_similarity(points, self._template), ARCFACE_PX)

    def embed(self, crops: Sequence[Image]) -> Vectors:
        if not crops:
            return np.empty((0, self.dimension), dtype=np.float32)
        rows = [self._raw(crops[start : start + self._together]) for start in range(0, len(crops), self._together)]
        return normalise(np.concatenate(rows))

    def _raw(self, crops: Sequence[Image]) -> NDArray[np.float32]:
        """The sum over both views, (N, D); the package wants BGR."""
        views = [view for crop in crops for view in (crop[:, :, ::-1], crop[:, ::-1, ::-1])]
        outputs = self._features([np.ascontiguousarray(view) for view in views])
        return np.asarray(outputs[0::2] + outputs[1::2], dtype=np.float32)

    def _features(self, views: list[Image]) -> NDArray[np.float32]:
        count = len(views)
        missing = padded_size(count) - count if self._pads else 0
        return self._recogniser.get_feat(views + views[-1:] * missing)[:count]
