"""What every pack does with a list of photos: decode, locate, judge, cut, and embed what is left in one go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from hadir.core.errors import PhotoError
from hadir.core.evidence import PhotoFinding
from hadir.core.vectors import Vectors
from hadir.core.verdict import Reason
from hadir.faces.alignment import CHIP_PX, cut_chip, fit_similarity
from hadir.faces.image import Image, Points
from hadir.faces.locate import FaceLocator, LocatedFace
from hadir.faces.mesh import Mesh
from hadir.faces.pack import PackInfo, PhotoResult, PhotoRules
from hadir.faces.photo import Photo, decode_photo
from hadir.faces.quality import QualityLimits, measure, outside_ratio, quality_reason

__all__ = ["AssembledPack", "Embedder"]


class Embedder(Protocol):
    """The part in which packs differ. Belongs to one thread."""

    def crop(self, image: Image, mesh: Mesh, chip: Image) -> Image:
        """What the recogniser wants to see of a face; `chip` is the canonical 150-px chip, cut already."""
        ...

    def embed(self, crops: Sequence[Image]) -> Vectors:
        """(N, D) unit vectors for N crops, in order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Looked:
    """One photo before embedding; `crop` is None where there is nothing to embed."""

    finding: PhotoFinding
    crop: Image | None = None
    points_px: Points | None = None


class AssembledPack:
    """A FacePack for the CPU: detector and mesh see one photo at a time, the recogniser the whole list.

    (Batches of detector or mesh are slower per photo than single ones, the recogniser's cost the same at any size;
    measured at 1 to 64.)
    """

    def __init__(
        self, info: PackInfo, locator: FaceLocator, template: Points, limits: QualityLimits, embedder: Embedder
    ) -> None:
        self._info = info
        self._locator = locator
        self._template = template
        self._limits = limits
        self._embedder = embedder

    @property
    def info(self) -> PackInfo:
        return self._info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        looked = [self._look(data, rules) for data in photos]
        vectors = iter(self._embedder.embed([look.crop for look in looked if look.crop is not None]))
        results = [
            PhotoResult(look.finding, next(vectors) if look.crop is not None else None, look.points_px)
            for look in looked
        ]
        assert len(results) == len(photos)
        return results

    def _look(self, data: bytes, rules: PhotoRules) -> _Looked:
        try:
            photo = decode_photo(data, rules)
        except PhotoError as err:
            return _Looked(PhotoFinding(err.reason))
        face = self._locator.locate(photo.pixels)
        return _Looked(PhotoFinding(Reason.NO_FACE)) if face is None else self._judge(photo, face, rules)

    def _judge(self, photo: Photo, face: LocatedFace, rules: PhotoRules) -> _Looked:
        points = face.mesh.points_px
        chip = cut_chip(photo.pixels, fit_similarity(points, self._template), CHIP_PX)
        measures = measure(photo, face, chip)
        code = None
        if rules.quality:
            code = quality_reason(face, measures, outside_ratio(points, photo.pixels), self._limits)
        crop = self._embedder.crop(photo.pixels, face.mesh, chip) if code is None else None
        return _Looked(PhotoFinding(code, measures), crop, points * np.float32(photo.reduction))
