"""Who takes part in the demo: the real faces that come inside installed packages, or a folder of the user's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import InputError, SetupError

__all__ = ["FaceBoxes", "RealPerson", "group_photo", "people_in_folder", "people_in_packages"]

FaceBoxes = Callable[[NDArray[np.uint8]], list[tuple[float, float, float, float]]]
"""Finds faces in an RGB photo: boxes (left, top, right, bottom) in pixels."""

Photo = NDArray[np.uint8]

_MOST_PEOPLE = 64
_IMAGES = {".jpg", ".jpeg", ".png"}


@dataclass(frozen=True, slots=True)
class RealPerson:
    """One face of a real person under a made-up id; `photos` are RGB (H, W, 3) uint8, each with this face alone."""

    person: str
    photos: tuple[Photo, ...]


def people_in_packages(find_faces: FaceBoxes) -> list[RealPerson]:
    """Eight people: six of insightface's group photo, its portrait, and scikit-image's astronaut (a NASA photo)."""
    group = group_photo()
    faces = [_cut(group, box) for box in sorted(find_faces(group))]
    faces.append(_read(_package_folder("insightface") / "data" / "images" / "Tom_Hanks_54745.png"))
    astronaut = _read(_package_folder("skimage") / "data" / "astronaut.png")
    faces.append(_cut(astronaut, find_faces(astronaut)[0]))
    return [RealPerson(f"P{i:05d}", (face,)) for i, face in enumerate(faces, start=1)]


def group_photo() -> Photo:
    """The photo with six people that insightface brings along."""
    return _read(_package_folder("insightface") / "data" / "images" / "t1.jpg")


def people_in_folder(folder: Path) -> list[RealPerson]:
    """One sub-folder per person, one or more photos in each.

    Raises:
        InputError: the folder is not laid out so, or holds fewer than three people.
    """
    if not folder.is_dir():
        raise InputError(f"FACES: {folder} is not a folder; expected one sub-folder per person with photos in it")
    people: list[RealPerson] = []
    for place in sorted(p for p in folder.iterdir() if p.is_dir())[:_MOST_PEOPLE]:
        photos = tuple(_read(p) for p in sorted(place.iterdir()) if p.suffix.lower() in _IMAGES)
        if photos:
            people.append(RealPerson(f"P{len(people) + 1:05d}", photos))
    if len(people) < 3:
        raise InputError(
            f"FACES: {folder} holds photos of {len(people)} people, at least 3 needed: one sub-folder per person, "
            "JPEG or PNG files in it"
        )
    return people


def _package_folder(name: str) -> Path:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        raise SetupError(f"the package {name}, whose photos the demo uses, is not installed: run make setup")
    return Path(spec.origin).parent


def _read(path: Path) -> Photo:
    photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if photo is None:
        raise InputError(f"{path.name} is not a photo that can be read; JPEG or PNG expected")
    return np.asarray(cv2.cvtColor(photo, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _cut(photo: Photo, box: tuple[float, float, float, float]) -> Photo:
    """The face with half its width around it: enough for the detector, too little for a neighbour."""
    left, top, right, bottom = box
    middle_x, middle_y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    height, width = photo.shape[:2]
    x0, x1 = max(0, round(middle_x - half)), min(width, round(middle_x + half))
    y0, y1 = max(0, round(middle_y - 1.1 * half)), min(height, round(middle_y + 1.1 * half))
    return np.ascontiguousarray(photo[y0:y1, x0:x1])
