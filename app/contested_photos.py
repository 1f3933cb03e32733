"""The very same photo listed for several people: whose face it shows, no program can know."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence

from hadir.app.photo_list import PersonPhoto, read_photo

__all__ = ["contested"]


def contested(photos: Sequence[PersonPhoto]) -> Mapping[str, tuple[PersonPhoto, ...]]:
    """The photos listed for more than one person, by photo id. Only files of one size are read: others differ.

    Raises:
        OSError: a photo file cannot be read.
    """
    sized: dict[int, list[PersonPhoto]] = defaultdict(list)
    for photo in photos:
        sized[photo.path.stat().st_size].append(photo)
    same: dict[str, list[PersonPhoto]] = defaultdict(list)
    for alike in sized.values():
        if _several(alike):
            for photo in alike:
                same[hashlib.sha256(read_photo(photo.path)).hexdigest()].append(photo)
    return {identity: tuple(listed) for identity, listed in same.items() if _several(listed)}


def _several(photos: Sequence[PersonPhoto]) -> bool:
    return len({photo.person for photo in photos}) > 1
