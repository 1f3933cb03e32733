"""A photo's perceptual mark: 33 bytes that stay nearly the same when a photo is copied, and differ for another photo.

The mark is taken of the aligned face, not of the frame: a copy that was cropped, turned, scaled or framed again still
shows the same face, with the same look and light, and the aligned chip is there already. What is kept of it is the idea
of PDQ (Meta, 2019): one bit for each low frequency of a cosine transform, set where the frequency is stronger than the
median of all. docs/replay.md holds what was measured.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.faces.alignment import CHIP_PX
from hadir.faces.image import Image

__all__ = ["BY_FIVE_POINTS", "BY_MESH", "FREQUENCIES", "MARK_BYTES", "face_mark"]

BY_MESH: Final = 1
"""The first byte of a mark whose chip a mesh of 468 points aligned."""

BY_FIVE_POINTS: Final = 2
"""The first byte where five points did: such chips lie elsewhere, by a median of 52 bits, so marks are compared with
their own kind alone."""

FREQUENCIES: Final = 16
"""1 to 16 half-waves across the chip in either direction, as PDQ keeps; the constant one is brightness."""

FAINTEST: Final = 10.0
"""A wave of an eighth of a grey level across the chip: below, rounding decides. Faces have hundreds."""

MARK_BYTES: Final = 1 + FREQUENCIES * FREQUENCIES // 8


def _cosines() -> NDArray[np.float32]:
    """Rows 1 to 16 of the orthonormal DCT-II for CHIP_PX samples, (16, 150)."""
    wave, sample = np.arange(1, FREQUENCIES + 1)[:, None], np.arange(CHIP_PX)[None]
    rows = np.sqrt(2 / CHIP_PX) * np.cos(np.pi / (2 * CHIP_PX) * wave * (2 * sample + 1))
    return np.asarray(rows, dtype=np.float32)


_DOWN = _cosines()
_ACROSS = np.ascontiguousarray(_DOWN.T)


def face_mark(chip: Image, aligned: int) -> bytes | None:
    """The mark of a canonical chip, (150, 150, 3) uint8 RGB: MARK_BYTES bytes, in some 25 µs.

    `aligned` is BY_MESH or BY_FIVE_POINTS and the first byte. Bit `16 * row + column` of the rest, most significant
    first, belongs to `row + 1` half-waves down and `column + 1` across. Only brightness (ITU-R BT.601) is looked at,
    and neither gain nor offset changes a bit. None where a chip is so even that there is nothing to tell.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_RGB2GRAY).astype(np.float32)
    strength = (_DOWN @ grey @ _ACROSS).ravel()
    if np.abs(strength).max() < FAINTEST:
        return None
    half = strength.size // 2
    stronger = strength > np.partition(strength, half - 1)[half - 1]
    return bytes((aligned,)) + np.packbits(stronger).tobytes() if np.count_nonzero(stronger) == half else None
