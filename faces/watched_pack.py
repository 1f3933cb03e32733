"""A pack with the liveness slot filled: every usable face gets a second look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from hadir.core.errors import PhotoError
from hadir.core.timings import StageName, Timed
from hadir.faces.alignment import five_of
from hadir.faces.image import Points
from hadir.faces.liveness import LivenessModel
from hadir.faces.mesh import POINTS
from hadir.faces.pack import FacePack, PackInfo, PhotoResult, PhotoRules
from hadir.faces.photo import decode_photo

__all__ = ["WatchedPack"]


class WatchedPack:
    """Decodes usable photos once more, so that packs need not know of the slot and an empty slot costs nothing."""

    def __init__(self, pack: FacePack, liveness: LivenessModel) -> None:
        self._pack = pack
        self._liveness = liveness

    @property
    def info(self) -> PackInfo:
        return self._pack.info

    def spent(self) -> Mapping[StageName, float]:
        """As `hadir.core.timings.Timed`; the second look belongs to no stage."""
        return self._pack.spent() if isinstance(self._pack, Timed) else {}

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        results = self._pack.analyse(photos, rules)
        return [self._watched(data, result, rules) for data, result in zip(photos, results, strict=True)]

    def _watched(self, data: bytes, result: PhotoResult, rules: PhotoRules) -> PhotoResult:
        face = result.finding.face
        if result.vector is None or face is None or result.points_px is None:
            return result
        try:
            photo = decode_photo(data, rules)
        except PhotoError:
            return result
        box = [edge / photo.reduction for edge in face.box_px]
        finding = self._liveness.judge(photo.pixels, box, _five(result.points_px) / np.float32(photo.reduction))
        return replace(result, finding=replace(result.finding, liveness=finding))


def _five(points_px: Points) -> Points:
    """Eyes, nose tip and mouth corners: of a mesh, or as they are."""
    return five_of(points_px) if len(points_px) == POINTS else points_px
