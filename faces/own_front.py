"""A pack whose own detector stands before its recogniser: faces and five points by SCRFD, no mesh."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hadir.core.errors import PhotoError
from hadir.core.evidence import PhotoFinding
from hadir.core.timings import StageClock, StageName
from hadir.core.verdict import Reason
from hadir.faces.five_points import FivePointGauge
from hadir.faces.insightface_models import ArcFaceEmbedder, FivePointFace, ScrfdDetector
from hadir.faces.looked import Looked, embed_looked
from hadir.faces.pack import PackInfo, PhotoResult, PhotoRules
from hadir.faces.photo import Photo, decode_photo
from hadir.faces.photo_mark import BY_FIVE_POINTS, face_mark

__all__ = ["OwnFrontPack", "Prominence"]


@dataclass(frozen=True, slots=True)
class Prominence:
    """Whether another face of the photo is wide enough, compared with the widest, to be meant as well."""

    crowded: bool


class OwnFrontPack:
    """A FacePack: the detector sees one photo at a time, as insightface offers it, the recogniser the whole list."""

    def __init__(
        self,
        info: PackInfo,
        detector: ScrfdDetector,
        gauge: FivePointGauge,
        embedder: ArcFaceEmbedder,
        second_face_ratio: float,
    ) -> None:
        """`second_face_ratio`: from which share of the largest face's width another face counts."""
        self._info = info
        self._detector = detector
        self._gauge = gauge
        self._embedder = embedder
        self._second_face_ratio = second_face_ratio
        self._clock = StageClock()

    @property
    def info(self) -> PackInfo:
        return self._info

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        self._clock.start()
        looked = [self._look(data, rules) for data in photos]
        results = embed_looked(looked, self._embedder.embed)
        self._clock.lap(StageName.EMBED)
        return results

    def spent(self) -> Mapping[StageName, float]:
        """As `hadir.core.timings.Timed`."""
        return self._clock.spent()

    def _look(self, data: bytes, rules: PhotoRules) -> Looked:
        try:
            photo = decode_photo(data, rules)
        except PhotoError as err:
            return Looked(PhotoFinding(err.reason))
        finally:
            self._clock.lap(StageName.DECODE)
        faces = self._detector.detect(photo.pixels)
        self._clock.lap(StageName.DETECT)
        looked = self._judge(photo, faces, rules) if faces else Looked(PhotoFinding(Reason.NO_FACE))
        self._clock.lap(StageName.ALIGN)
        return looked

    def _judge(self, photo: Photo, faces: Sequence[FivePointFace], rules: PhotoRules) -> Looked:
        """`faces` widest first, at least one."""
        face = faces[0]
        crowded = len(faces) > 1 and faces[1].width_px >= self._second_face_ratio * face.width_px
        chip = self._gauge.chip(photo, face)
        measures = self._gauge.measure(photo, face, chip)
        code = self._gauge.reason(photo, Prominence(crowded), measures, face.points_px) if rules.quality else None
        crop = self._embedder.crop_by(photo.pixels, face.points_px) if code is None else None
        finding = PhotoFinding(code, measures, mark=face_mark(chip, BY_FIVE_POINTS))
        return Looked(finding, crop, face.points_px * np.float32(photo.reduction))
