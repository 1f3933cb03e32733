"""Two photos side by side with names, box and mesh, and what the comparison means below: to see what it looked at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import InputError
from hadir.faces.pack import PhotoResult

__all__ = ["draw_pair"]

_HEIGHT_PX = 480
_LINE_PX = 32
_GREEN, _WHITE, _BLACK, _GREY = (80, 200, 80), (255, 255, 255), (0, 0, 0), (160, 160, 160)

Picture = NDArray[np.uint8]


def draw_pair(
    one: tuple[Path, PhotoResult], other: tuple[Path, PhotoResult], below: Sequence[str], target: Path
) -> None:
    """Write a PNG: each file's name above its photo, the lines of `below` under both.

    Raises:
        InputError: `target` cannot be written.
    """
    photos = [(path.name, _drawn(path, result)) for path, result in (one, other)]
    sides = [np.vstack([_line(name, photo.shape[1]), photo]) for name, photo in photos]
    pair = np.hstack(sides)
    lines = [_line(text, pair.shape[1]) for text in below]
    done, data = cv2.imencode(".png", np.vstack([pair, *lines]))
    if not done or not target.parent.is_dir():
        raise InputError(f"{target} cannot be written: name a PNG file in a folder that is there")
    target.write_bytes(data.tobytes())


def _line(text: str, width_px: int) -> Picture:
    """One line of black on white, as small as it must be to fit. The font has ASCII letters alone."""
    shown = text.encode("ascii", "replace").decode("ascii")
    font, size = cv2.FONT_HERSHEY_SIMPLEX, 0.6
    (needed_px, _), _ = cv2.getTextSize(shown, font, size, 1)
    size *= min(1.0, (width_px - 16) / max(1, needed_px))
    strip = np.full((_LINE_PX, width_px, 3), 255, np.uint8)
    cv2.putText(strip, shown, (8, _LINE_PX - 10), font, size, _BLACK, 1, cv2.LINE_AA)
    return strip


def _drawn(path: Path, result: PhotoResult) -> Picture:
    """The photo at a common height, with room around it where the box reaches beyond its edges."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert picture is not None and result.finding.face is not None and result.points_px is not None
    left, top, right, bottom = result.finding.face.box_px
    height, width = picture.shape[:2]
    room = int(np.ceil(max(0.0, -left, -top, right - width, bottom - height))) + 2
    picture = cv2.copyMakeBorder(picture, room, room, room, room, cv2.BORDER_CONSTANT, value=_GREY)
    scale = _HEIGHT_PX / picture.shape[0]
    picture = cv2.resize(picture, (max(1, round(picture.shape[1] * scale)), _HEIGHT_PX), interpolation=cv2.INTER_AREA)
    x0, y0, x1, y1 = (round((edge + room) * scale) for edge in (left, top, right, bottom))
    cv2.rectangle(picture, (x0, y0), (x1, y1), _GREEN, 2)
    for x, y in (result.points_px[:, :2] + room) * scale:
        cv2.circle(picture, (round(float(x)), round(float(y))), 1, _WHITE, -1, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)
