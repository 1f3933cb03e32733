"""What every pack does with a list of photos: decode, locate, judge, cut, and embed what is left in one go."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from hadir.core.errors import PhotoError
from hadir.core.evidence import PhotoFinding
from hadir.core.timings import StageClock, StageName
from hadir.core.vectors import Vectors
from hadir.core.verdict import Reason
from hadir.faces.alignment import CHIP_PX, cut_chip, fit_similarity
from hadir.faces.image import Image, Points
from hadir.faces.locate import FaceLocator, LocatedFace
from hadir.faces.looked import Looked, embed_looked
from hadir.faces.mesh import Mesh
from hadir.faces.pack import PackInfo, PhotoResult, PhotoRules
from hadir.faces.photo import Photo, decode_photo
from hadir.faces.photo_mark import BY_MESH, face_mark
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


class AssembledPack:
    """A FacePack whose detector and mesh see `together` photos at a time, and whose recogniser sees the whole list.

    On a CPU one at a time: batches of detector or mesh are slower per photo than single ones, the recogniser's cost is
    the same at any size (measured at 1 to 64). A card wants batches everywhere.
    """

    def __init__(
        self,
        info: PackInfo,
        locator: FaceLocator,
        template: Points,
        limits: QualityLimits,
        embedder: Embedder,
        *,
        together: int = 1,
    ) -> None:
        self._together = together
        self._info = info
        self._locator = locator
        self._template = template
        self._limits = limits
        self._embedder = embedder
        self._clock = StageClock()

    @property
    def info(self) -> PackInfo:
        return self._info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        self._clock.start()
        groups = (photos[start : start + self._together] for start in range(0, len(photos), self._together))
        looked = [look for group in groups for look in self._look(group, rules)]
        results = embed_looked(looked, self._embedder.embed)
        self._clock.lap(StageName.EMBED)
        return results

    def spent(self) -> Mapping[StageName, float]:
        """As `hadir.core.timings.Timed`."""
        return self._clock.spent()

    def _look(self, photos: Sequence[bytes], rules: PhotoRules) -> list[Looked]:
        decoded = [_decoded(data, rules) for data in photos]
        self._clock.lap(StageName.DECODE)
        faces = iter(self._locator.locate([one.pixels for one in decoded if isinstance(one, Photo)]))
        self._clock.lap(StageName.DETECT)
        looked = [
            self._judge(one, next(faces), rules) if isinstance(one, Photo) else Looked(PhotoFinding(one))
            for one in decoded
        ]
        self._clock.lap(StageName.ALIGN)
        return looked

    def _judge(self, photo: Photo, face: LocatedFace | None, rules: PhotoRules) -> Looked:
        if face is None:
            return Looked(PhotoFinding(Reason.NO_FACE))
        points = face.mesh.points_px
        chip = cut_chip(photo.pixels, fit_similarity(points, self._template), CHIP_PX)
        measures = measure(photo, face, chip)
        code = None
        if rules.quality:
            code = quality_reason(face, measures, outside_ratio(points, photo.pixels), self._limits)
        crop = self._embedder.crop(photo.pixels, face.mesh, chip) if code is None else None
        finding = PhotoFinding(code, measures, mark=face_mark(chip, BY_MESH))
        return Looked(finding, crop, points * np.float32(photo.reduction))


def _decoded(data: bytes, rules: PhotoRules) -> Photo | Reason:
    """The photo, or why it cannot be read."""
    try:
        return decode_photo(data, rules)
    except PhotoError as err:
        return err.reason
