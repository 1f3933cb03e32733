"""A photo that is nobody's check-in and shows a face: to try a pack, and to warm it up."""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np

from hadir.core.errors import PackError
from hadir.faces.manifest import GOLDEN_CHIP
from hadir.faces.open_pack import shipped_folder

__all__ = ["sample_photo"]

_MARGIN = 0.5
_HEIGHT_PX = 960
"""As a phone's selfie: the face is half as high as the photo, so detector and crop have their usual work."""


@cache
def sample_photo() -> bytes:
    """The shipped golden chip (one face, public domain, 150 px) with a margin, enlarged; always the same JPEG.

    Raises:
        PackError: the chip cannot be read.
    """
    try:
        with np.load(shipped_folder() / GOLDEN_CHIP) as arrays:
            chip = arrays["chip"]
    except (OSError, KeyError, ValueError) as err:
        raise PackError(f"{GOLDEN_CHIP} cannot be read ({type(err).__name__}): install Hadir again") from err
    margin = round(len(chip) * _MARGIN)
    framed = cv2.copyMakeBorder(chip, margin, margin, margin, margin, cv2.BORDER_REPLICATE)
    large = cv2.resize(framed, (_HEIGHT_PX, _HEIGHT_PX), interpolation=cv2.INTER_CUBIC)
    return bytes(cv2.imencode(".jpg", large[:, :, ::-1])[1])
