"""A fresh selfie from one photo: another crop, light, blur, rotation and JPEG quality.

Variations of one photo resemble each other far more than two photos of one person taken on two days: they prove the
plumbing, never the accuracy.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["FRAME_PX", "encode_jpeg", "vary"]

FRAME_PX = (480, 640)
"""Width and height of a selfie as a phone's web page sends it."""


def vary(photo: NDArray[np.uint8], rng: np.random.Generator) -> bytes:
    """A JPEG of 480×640 made from an RGB photo (H, W, 3) uint8 that holds one face.

    Rotation ±6°, zoom 0.94–1.06, shift ±3 % of the frame, gain 0.85–1.15, offset ±10, blur σ 0–0.7 px, quality 75–95:
    what a hand and a morning change from one selfie to the next.
    """
    frame = _lay_into_frame(photo, rng)
    lit = frame.astype(np.float32) * rng.uniform(0.85, 1.15) + rng.uniform(-10, 10)
    sigma = rng.uniform(0, 0.7)
    soft = cv2.GaussianBlur(lit, (0, 0), sigma) if sigma > 0.2 else lit
    return encode_jpeg(np.clip(soft, 0, 255).astype(np.uint8), int(rng.integers(75, 96)))


def encode_jpeg(photo: NDArray[np.uint8], quality: int = 90) -> bytes:
    """JPEG bytes of an RGB photo."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(photo, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done, "OpenCV could not encode an array of its own"
    return data.tobytes()


def _lay_into_frame(photo: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    height, width = photo.shape[:2]
    frame_width, frame_height = FRAME_PX
    scale = min(frame_width / width, frame_height / height) * rng.uniform(0.94, 1.06)
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), rng.uniform(-6, 6), scale)
    turn[0, 2] += frame_width * (0.5 + rng.uniform(-0.03, 0.03)) - width / 2
    turn[1, 2] += frame_height * (0.5 + rng.uniform(-0.03, 0.03)) - height / 2
    laid = cv2.warpAffine(photo, turn, FRAME_PX, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(laid, dtype=np.uint8)
