"""Two photos side by side with box, mesh and similarity: to see what a comparison looked at."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import InputError
from hadir.faces.pack import PhotoResult

__all__ = ["draw_pair"]

_HEIGHT_PX = 480
_GREEN, _WHITE, _BLACK = (80, 200, 80), (255, 255, 255), (0, 0, 0)

Picture = NDArray[np.uint8]


def draw_pair(one: tuple[Path, PhotoResult], other: tuple[Path, PhotoResult], similarity: float, target: Path) -> None:
    """Write a PNG. Raises InputError where `target` cannot be written."""
    pair = np.hstack([_drawn(path, result) for path, result in (one, other)])
    strip = np.full((36, pair.shape[1], 3), 255, np.uint8)
    cv2.putText(
        strip, f"cosine similarity {similarity:.4f}", (8, 25), cv2.FONT_HERSHEY_SIMPLEX, 0.7, _BLACK, 1, cv2.LINE_AA
    )
    done, data = cv2.imencode(".png", np.vstack([pair, strip]))
    if not done or not target.parent.is_dir():
        raise InputError(f"{target} cannot be written: name a PNG file in a folder that is there")
    target.write_bytes(data.tobytes())


def _drawn(path: Path, result: PhotoResult) -> Picture:
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    assert picture is not None and result.finding.face is not None and result.points_px is not None
    scale = _HEIGHT_PX / picture.shape[0]
    picture = cv2.resize(picture, (max(1, round(picture.shape[1] * scale)), _HEIGHT_PX), interpolation=cv2.INTER_AREA)
    left, top, right, bottom = (round(edge * scale) for edge in result.finding.face.box_px)
    cv2.rectangle(picture, (left, top), (right, bottom), _GREEN, 2)
    for x, y in result.points_px[:, :2] * scale:
        cv2.circle(picture, (round(float(x)), round(float(y))), 1, _WHITE, -1, cv2.LINE_AA)
    return np.asarray(picture, dtype=np.uint8)
