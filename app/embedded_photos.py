"""Photos of an evaluation as vectors, plain and with something drawn on the face."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.app.output import progress
from hadir.app.photo_list import PersonPhoto, read_photo
from hadir.core.errors import InputError
from hadir.core.vectors import Vectors, fuse
from hadir.faces.image import Image
from hadir.faces.occlusion import Occlusion, occlude
from hadir.faces.open_pack import load_open_pack
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack, PhotoRules
from hadir.faces.photo import MOST_BYTES, decode_photo

__all__ = ["Embedded", "embed", "embed_occluded", "fused_people"]

_BATCH = 32
_MOST_DRAWN = 24
_FINE_JPEG = 97


@dataclass(frozen=True, slots=True, eq=False)
class Embedded:
    """The photos in which a face was found: `vectors` (N, D) and the parallel files; `given` counts all of them."""

    vectors: Vectors
    photos: tuple[PersonPhoto, ...]
    given: int

    @property
    def labels(self) -> list[str]:
        """Whose photo each is."""
        return [photo.person for photo in self.photos]


def embed(pack: FacePack, listed: Sequence[PersonPhoto], quality: bool = False) -> Embedded:
    """Vectors of the largest face of every photo; `quality` leaves out what enrolment would refuse."""
    vectors, found = [], []
    with progress("Foto dibandingkan · embedding", len(listed)) as bar:
        for start in range(0, len(listed), _BATCH):
            chunk = listed[start : start + _BATCH]
            results = pack.analyse([read_photo(photo.path) for photo in chunk], _rules(quality))
            for photo, result in zip(chunk, results, strict=True):
                if result.vector is not None:
                    vectors.append(result.vector)
                    found.append(photo)
            bar.advance(bar.task_ids[0], len(chunk))
    stacked = np.stack(vectors) if vectors else np.empty((0, pack.info.dimension), np.float32)
    return Embedded(stacked, tuple(found), len(listed))


def fused_people(embedded: Embedded) -> Vectors:
    """One fused template for each person, (M, D), in the order of their ids."""
    rows: dict[str, list[int]] = {}
    for row, person in enumerate(embedded.labels):
        rows.setdefault(person, []).append(row)
    fused = [fuse(embedded.vectors[rows[person]]) for person in sorted(rows)]
    return np.stack(fused) if fused else embedded.vectors[:0]


def embed_occluded(
    pack: FacePack, photos: Sequence[PersonPhoto], kind: Occlusion, examples: Path | None = None
) -> tuple[Vectors, NDArray[np.bool_]]:
    """(N, D) vectors of the same photos with `kind` drawn on the largest face, and (N,) where a face was found again.

    The mesh is the open pack's, whatever pack embeds: every pack sees the same pictures. What is drawn varies with the
    photo's own bytes. `examples` is a folder for the first 24 pictures, plain and drawn side by side.
    """
    drawer = load_open_pack()
    vectors = np.zeros((len(photos), pack.info.dimension), dtype=np.float32)
    found = np.zeros(len(photos), dtype=bool)
    with progress(f"{kind.value} digambar · drawing and embedding", len(photos)) as bar:
        for start in range(0, len(photos), _BATCH):
            chunk = photos[start : start + _BATCH]
            contents = [read_photo(photo.path) for photo in chunk]
            meshes = drawer.analyse(contents, _rules(quality=False))
            drawn: list[bytes] = []
            for n, (content, mesh) in enumerate(zip(contents, meshes, strict=True), start=start):
                if mesh.points_px is None:
                    drawn.append(b"")
                    continue
                photo = decode_photo(content, _rules(quality=False))
                points = mesh.points_px / np.float32(photo.reduction)
                worn = occlude(photo.pixels, points, kind, zlib.crc32(content))
                drawn.append(_encoded(worn))
                if examples is not None and n < _MOST_DRAWN:
                    _save(examples / f"{kind.value}-{n:02d}.png", np.hstack([photo.pixels, worn]))
            for n, result in enumerate(pack.analyse(drawn, _rules(quality=False)), start=start):
                if result.vector is not None:
                    vectors[n], found[n] = result.vector, True
            bar.advance(bar.task_ids[0], len(chunk))
    return vectors, found


def _rules(quality: bool) -> PhotoRules:
    return replace(ENROLMENT_PHOTOS, quality=quality)


def _encoded(image: Image) -> bytes:
    """Without loss, so that the drawing is all that differs; a photo too large for that as a fine JPEG."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    png = cv2.imencode(".png", bgr)[1].tobytes()
    if len(png) <= MOST_BYTES:
        return png
    return cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _FINE_JPEG])[1].tobytes()


def _save(path: Path, image: Image) -> None:
    try:
        path.write_bytes(cv2.imencode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR))[1].tobytes())
    except OSError as err:
        raise InputError(f"{path} cannot be written: {err.strerror}; name a folder that can be") from err
