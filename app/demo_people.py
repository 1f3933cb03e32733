"""Who takes part in the demo: the real faces that come inside installed packages, or a folder of the user's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.app.photo_list import may_be_photo
from hadir.core.errors import InputError, SetupError
from hadir.faces.front import build_front
from hadir.faces.locate import FaceLocator
from hadir.faces.manifest import read_files, read_manifest
from hadir.faces.open_pack import shipped_folder

__all__ = ["FEWEST_PEOPLE", "Photo", "RealPerson", "crowd_of", "people_in_folder", "people_in_packages"]

Photo = NDArray[np.uint8]
Box = tuple[float, float, float, float]

FEWEST_PEOPLE = 4
"""Two who work, one whose unit has no shift open, and a stranger."""

_MOST_PEOPLE = 64


@dataclass(frozen=True, slots=True)
class RealPerson:
    """One face of a real person under a made-up id; `photos` are RGB (H, W, 3) uint8, each with this face alone."""

    person: str
    photos: tuple[Photo, ...]


def people_in_packages() -> list[RealPerson]:
    """Eight people: six of insightface's group photo, its portrait, and scikit-image's astronaut (a NASA photo)."""
    locator = _locator()
    group = _read(_package_folder("insightface") / "data" / "images" / "t1.jpg")
    astronaut = _read(_package_folder("skimage") / "data" / "astronaut.png")
    faces = [_cut(group, box) for box in _find_faces(group, locator)]
    faces.append(_read(_package_folder("insightface") / "data" / "images" / "Tom_Hanks_54745.png"))
    faces += [_cut(astronaut, box) for box in _find_faces(astronaut, locator)[:1]]
    return [RealPerson(f"P{i:05d}", (face,)) for i, face in enumerate(faces, start=1)]


def crowd_of(people: Sequence[RealPerson]) -> Photo:
    """Two people in one photo, side by side: what nobody may sign with."""
    side = 360
    halves = [cv2.resize(person.photos[0], (side, side), interpolation=cv2.INTER_AREA) for person in people[:2]]
    return np.asarray(np.hstack(halves), dtype=np.uint8)


def people_in_folder(folder: Path, say: Callable[[str], None]) -> list[RealPerson]:
    """One sub-folder per person, one or more photos in each; the first 64 people in the order of their names. Where the
    sub-folders hold folders instead, those of the first that has photos below it are the people.

    `say` is told which folder is which id, what cannot be read, and who is left out.

    Raises:
        InputError: the folder is not laid out so, or holds photos of fewer than four people.
    """
    if not folder.is_dir():
        raise InputError(f"--faces {folder} is not a folder; expected one sub-folder per person with photos in it")
    places = _folders_of_people(folder, say)
    people: list[RealPerson] = []
    for place in places[:_MOST_PEOPLE]:
        if photos := tuple(_readable(place, say)):
            people.append(RealPerson(f"P{len(people) + 1:05d}", photos))
            say(f"{people[-1].person} = {place.name}")
    if len(places) > _MOST_PEOPLE:
        say(f"the first {_MOST_PEOPLE} of {len(places)} people take part, in the order of their folders' names")
    if len(people) < FEWEST_PEOPLE:
        raise InputError(
            f"--faces {folder} holds photos of {len(people)} people, at least {FEWEST_PEOPLE} needed: one sub-folder "
            "per person, JPEG or PNG files in it"
        )
    return people


def _folders_of_people(folder: Path, say: Callable[[str], None]) -> list[Path]:
    """The sub-folders; where none of them holds a file, as where train/ and test/ lie between, one level deeper."""
    places = _folders(folder)
    if any(path.is_file() for place in places for path in place.iterdir()):
        return places
    for place in places:
        if below := _folders(place):
            say(f"no photos directly below {folder.name}/: the people are the folders of {place.name}/ alone")
            return below
    return places


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_dir())


def _readable(place: Path, say: Callable[[str], None]) -> Iterator[Photo]:
    for path in sorted(place.iterdir()):
        if may_be_photo(path):
            try:
                yield _read(path)
            except InputError:
                say(f"{place.name}/{path.name} cannot be read as a photo, and is left out")


def _locator() -> FaceLocator:
    manifest = read_manifest(shipped_folder())
    return build_front(manifest, read_files(shipped_folder(), manifest)).locator


def _find_faces(photo: Photo, locator: FaceLocator) -> list[Box]:
    """Every face of a large photo, left to right, by looking at overlapping tiles: the detector is made for selfies and
    misses faces below 15 % of the photo's side."""
    side = photo.shape[0] // 3
    found: list[Box] = []
    for top, left in ((y, x) for y in _steps(photo.shape[0], side) for x in _steps(photo.shape[1], side)):
        (face,) = locator.locate([np.ascontiguousarray(photo[top : top + side, left : left + side])])
        if face is not None:
            x0, y0, x1, y1 = (float(v) for v in face.detection.box_px)
            box = (x0 + left, y0 + top, x1 + left, y1 + top)
            if not any(_same_face(box, other) for other in found):
                found.append(box)
    return sorted(found)


def _steps(length: int, side: int) -> list[int]:
    return [*range(0, length - side, side // 2), length - side]


def _same_face(one: Box, other: Box) -> bool:
    middle_x, middle_y = (one[0] + one[2]) / 2, (one[1] + one[3]) / 2
    return other[0] < middle_x < other[2] and other[1] < middle_y < other[3]


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


def _cut(photo: Photo, box: Box) -> Photo:
    """The face with half its width around it: enough for the detector, too little for a neighbour."""
    left, top, right, bottom = box
    middle_x, middle_y, half = (left + right) / 2, (top + bottom) / 2, max(right - left, bottom - top)
    height, width = photo.shape[:2]
    x0, x1 = max(0, round(middle_x - half)), min(width, round(middle_x + half))
    y0, y1 = max(0, round(middle_y - 1.1 * half)), min(height, round(middle_y + 1.1 * half))
    return np.ascontiguousarray(photo[y0:y1, x0:x1])
