"""Whether a face may be compared at all: not alone, too small, cut off, turned away, dark or blurred."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import FaceMeasures
from hadir.core.verdict import Reason
from hadir.faces.image import Image, Points
from hadir.faces.locate import LocatedFace
from hadir.faces.photo import Photo
from hadir.faces.pose import pose_of

__all__ = [
    "FaceInPhoto",
    "QualityLimits",
    "brightness_of",
    "measure",
    "outside_ratio",
    "quality_reason",
    "sharpness_of",
]

FACE = (slice(20, 140), slice(25, 125))
"""Rows and columns of a 150-px chip that are face in every upright head: no hair, no background."""

HIGHLIGHT_PERCENTILE = 95


@dataclass(frozen=True, slots=True)
class QualityLimits:
    """A pack's limits, from its manifest; `chosen` says how they were found.

    `min_face_px` is the detector box's width in the photo's own pixels; `sharpness_of`, `brightness_of` and
    `outside_ratio` say what the others bound. A value equal to its limit passes.
    """

    min_face_px: float
    min_sharpness: float
    min_brightness: float
    max_yaw_deg: float
    max_pitch_deg: float
    second_face_ratio: float
    max_outside_ratio: float
    chosen: str = ""


class FaceInPhoto(Protocol):
    """The face that a photo is about. `crowded`: another one is wide enough, compared with it, to be meant as well."""

    @property
    def crowded(self) -> bool: ...


def quality_reason(face: FaceInPhoto, measures: FaceMeasures, outside: float, limits: QualityLimits) -> Reason | None:
    """The first reason that holds, None where the face may be compared. What spoils the other measures comes first."""
    reasons = (
        (face.crowded, Reason.SEVERAL_FACES),
        (measures.width_px < limits.min_face_px, Reason.FACE_TOO_SMALL),
        (outside > limits.max_outside_ratio, Reason.CUT_OFF),
        (abs(measures.yaw_deg) > limits.max_yaw_deg, Reason.TURNED_AWAY),
        (abs(measures.pitch_deg) > limits.max_pitch_deg, Reason.TURNED_AWAY),
        (measures.brightness < limits.min_brightness, Reason.TOO_DARK),
        (measures.sharpness < limits.min_sharpness, Reason.BLURRED),
    )
    return next((reason for holds, reason in reasons if holds), None)


def measure(photo: Photo, face: LocatedFace, chip: Image) -> FaceMeasures:
    """`chip` is the face's canonical 150-px chip."""
    pose = pose_of(face.mesh)
    grey = np.asarray(cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    x0, y0, x1, y1 = (float(edge) * photo.reduction for edge in face.detection.box_px)
    return FaceMeasures(
        box_px=(x0, y0, x1, y1),
        width_px=x1 - x0,
        detector_score=face.detection.score,
        presence=face.mesh.presence,
        yaw_deg=pose.yaw_deg,
        pitch_deg=pose.pitch_deg,
        roll_deg=pose.roll_deg,
        sharpness=sharpness_of(grey),
        brightness=brightness_of(grey),
    )


def outside_ratio(points: Points, image: Image) -> float:
    """The share of the mesh's points that lie beyond the photo's edge, 0..1."""
    height, width = image.shape[:2]
    inside = (points >= 0).all(axis=1) & (points[:, 0] <= width - 1) & (points[:, 1] <= height - 1)
    return 1.0 - float(np.count_nonzero(inside)) / len(points)


def sharpness_of(grey: NDArray[np.uint8]) -> float:
    """Variance of the Laplacian over the variance of the brightness, both over the face in a (150, 150) grey chip.

    On the chip, so that the face's size does not matter; divided by the contrast, so that neither light nor skin does.
    """
    edges = cv2.meanStdDev(cv2.Laplacian(grey, cv2.CV_16S)[FACE])[1].item()
    contrast = cv2.meanStdDev(grey[FACE])[1].item()
    return float((edges / max(contrast, 1.0)) ** 2)


def brightness_of(grey: NDArray[np.uint8]) -> float:
    """How bright the brightest twentieth of the face in a (150, 150) grey chip is, 0..255.

    The highlights and not the mean: forehead, nose, eyes and teeth reflect light on every skin, so that this tells a
    lack of light from a dark complexion. The darkest of 4,573 LFW faces reaches 84.
    """
    counts = np.bincount(grey[FACE].ravel(), minlength=256)
    return float(np.searchsorted(np.cumsum(counts), HIGHLIGHT_PERCENTILE / 100 * counts.sum()))
