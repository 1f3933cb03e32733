"""Labelled photos that are in no gallery, seen by one pack: what two packs are compared on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hadir.app.photo_list import list_photos, read_photo
from hadir.faces.pack import ENROLMENT_PHOTOS
from hadir.faces.packs import load_pack
from hadir.index.honest_trials import Photos
from hadir.pipeline.stage_spec import StageSpec

__all__ = ["golden_photos"]

_BATCH = 32
_RULES = replace(ENROLMENT_PHOTOS, quality=False)
"""Two packs must answer for the same photos; a quality gate of one would choose them for the other."""


def golden_photos(stage: StageSpec, source: Path) -> Photos:
    """Vectors of every photo in `source` (as `list_photos` takes it) that has a face, in the space of `stage`'s pack.

    Raises:
        InputError: `source` is no such folder or CSV.
        PackError: the pack cannot be loaded.
    """
    listed = list_photos(source)
    pack = load_pack(stage.pack, stage.precision, stage.runtime)
    photos: dict[str, dict[str, NDArray[np.float32]]] = {}
    for start in range(0, len(listed), _BATCH):
        some = listed[start : start + _BATCH]
        results = pack.analyse([read_photo(photo.path) for photo in some], _RULES)
        for photo, result in zip(some, results, strict=True):
            if result.vector is not None:
                photos.setdefault(photo.person, {})[str(photo.path)] = result.vector
    return photos
