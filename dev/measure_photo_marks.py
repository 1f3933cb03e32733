"""How far apart marks are: `python -m dev.measure_photo_marks FACES/lfw_subset`, a minute or two on one core.

Copies of each kind against the photo they were made of, photos of one person against each other, and photos of
different people. A folder per person, as `hadir enroll` takes it. docs/replay.md quotes what came out.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.app.photo_list import list_photos
from hadir.app.variation import encode_jpeg, vary
from hadir.attendance.near_marks import Words, distances
from hadir.faces.image import Image
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.faces.packs import load_pack
from hadir.faces.photo import decode_photo

__all__ = ["COPIES", "copies", "main", "pairs_within"]

DISTANCE = 20
SEED = 20_260_131
_FEWEST_PX = 480
"""Small photos are enlarged: a check-in takes none below 160 px, and phones send far larger ones."""


def _scaled(image: Image, factor: float) -> Image:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=how), dtype=np.uint8)


def _cropped(image: Image, share: float) -> Image:
    down, across = (round(side * share / 2) for side in image.shape[:2])
    return image[down : image.shape[0] - down, across : image.shape[1] - across]


def _turned(image: Image, degrees: float) -> Image:
    height, width = image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1)
    turned = cv2.warpAffine(image, turn, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(turned, dtype=np.uint8)


def _lit(image: Image, gain: float, offset: float) -> Image:
    return np.asarray(np.clip(image.astype(np.float32) * gain + offset, 0, 255), dtype=np.uint8)


def _on_a_screen(image: Image) -> Image:
    """A screenshot of a gallery: dark bars above and below, at four fifths of the size."""
    bar = round(image.shape[0] * 0.075)
    return _scaled(np.pad(image, ((bar, bar), (0, 0), (0, 0)), constant_values=18), 0.8)


COPIES: Mapping[str, Callable[[Image, np.random.Generator], bytes]] = {
    "JPEG at quality 60": lambda image, _: encode_jpeg(image, 60),
    "JPEG at quality 30": lambda image, _: encode_jpeg(image, 30),
    "half the size": lambda image, _: encode_jpeg(_scaled(image, 0.5), 85),
    "cropped by 2 %": lambda image, _: encode_jpeg(_cropped(image, 0.02), 85),
    "cropped by 10 %": lambda image, _: encode_jpeg(_cropped(image, 0.10), 85),
    "a tenth brighter": lambda image, _: encode_jpeg(_lit(image, 1.1, 5), 85),
    "turned by 3°": lambda image, _: encode_jpeg(_turned(image, 3), 85),
    "screenshot with bars": lambda image, _: encode_jpeg(_on_a_screen(image), 80),
    "mirrored": lambda image, _: encode_jpeg(np.ascontiguousarray(image[:, ::-1]), 85),
    "variation (demo, surge)": vary,
}


def copies(pack: FacePack, images: Sequence[Image]) -> dict[str, NDArray[np.int64]]:
    """By kind the bits between each photo and its copy, of those in which both times a face is found."""
    rng, found = np.random.default_rng(SEED), {}
    first = _marks(pack, [encode_jpeg(image, 95) for image in images])
    for kind, copy in COPIES.items():
        second = _marks(pack, [copy(image, rng) for image in images])
        both = [(one, other) for one, other in zip(first, second, strict=True) if one is not None and other is not None]
        found[kind] = np.array([int(distances(one, other)[0, 0]) for one, other in both], dtype=np.int64)
    return found


def pairs_within(by_person: Mapping[str, Words]) -> dict[str, NDArray[np.int64]]:
    """By person the bits between every two photos of theirs, ascending; people with one photo are left out."""
    return {
        person: np.sort(distances(words, words)[np.triu_indices(len(words), 1)])
        for person, words in by_person.items()
        if len(words) > 1
    }


def main(folder: Path) -> None:
    """Print what there is to know of one folder."""
    pack = load_pack("open")
    images: dict[str, list[Image]] = {}
    for photo in list_photos(folder):
        image = decode_photo(photo.path.read_bytes(), ENROLMENT_PHOTOS).pixels
        images.setdefault(photo.person, []).append(_scaled(image, max(1.0, _FEWEST_PX / max(image.shape[:2]))))
    for kind, bits in copies(pack, [some[0] for some in images.values()]).items():
        share = float(np.mean(bits <= DISTANCE))
        print(f"{kind:<24} median {np.median(bits):5.0f}  p95 {np.percentile(bits, 95):5.0f}  within {share:.3f}")
    marked = {
        person: np.concatenate(found)
        for person, some in images.items()
        if (found := [one for one in _marks(pack, [encode_jpeg(i, 95) for i in some]) if one is not None])
    }
    _tell_people(marked)


def _tell_people(marked: Mapping[str, Words]) -> None:
    within = pairs_within(marked)
    every = np.concatenate(list(within.values()))
    close = sum(int(bits[0] <= DISTANCE) for bits in within.values())
    least = ", ".join(map(str, np.sort(every)[:6]))
    print(f"same person: {len(within)} people, {len(every)} pairs, least {least}; {close} people within {DISTANCE}")
    words, owners = (
        np.concatenate(list(marked.values())),
        np.repeat(np.arange(len(marked)), list(map(len, marked.values()))),
    )
    counts = np.zeros(257, dtype=np.int64)
    for at in range(len(words)):
        others = owners[at + 1 :] != owners[at]
        counts += np.bincount(distances(words[at : at + 1], words[at + 1 :])[0][others], minlength=257)
    print(f"different people: {counts.sum()} pairs, least {np.flatnonzero(counts)[:3].tolist()}")


def _marks(pack: FacePack, photos: Sequence[bytes]) -> list[Words | None]:
    """(1, 4) words of each photo, None without a face."""
    found = (result.finding.mark for result in pack.analyse(photos, ENROLMENT_PHOTOS))
    return [None if mark is None else np.frombuffer(mark[1:], dtype=np.uint64)[None] for mark in found]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
