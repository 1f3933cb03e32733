"""Photos to vectors and nothing else: what a worker of a re-embedding does, and the seam that it stands behind."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from hadir.core.errors import SpaceMismatch
from hadir.faces.open_pack import Choice
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack, PhotoResult
from hadir.faces.packs import load_pack
from hadir.faces.runtime import CPU, Runtime
from hadir.index.reindex_chunks import EmbeddedPhoto

__all__ = [
    "ANOTHER_FACE",
    "EmbedSpec",
    "EmbedStage",
    "EmbeddedChunk",
    "Embedder",
    "EnrolledPhoto",
    "InlineEmbedder",
    "PhotoChunk",
    "PhotoStage",
    "same_face",
]

ANOTHER_FACE = "another_face"
"""The new pack looks at another face in the photo than the one that was enrolled."""

ENROLLED_PHOTOS = replace(ENROLMENT_PHOTOS, quality=False)
"""These photos have passed the gate once, and people depend on them: a limit of another pack, chosen on another day,
must not take a template away. What a poor photo is worth shows in the calibration and the gates of a promotion. What
the gate's `several_faces` protects from is protected by `same_face`."""

LEAST_OVERLAP = 0.5
"""Of the smaller box. Two detectors that mean the same face share most of it (measured: `docs/adr/0008`), two faces
beside each other share next to nothing."""


@dataclass(frozen=True, slots=True)
class EnrolledPhoto:
    """`content` are the encoded bytes; `box_px` is where the face was that was enrolled (x0, y0, x1, y1), None where
    that was not recorded."""

    id: str
    content: bytes
    box_px: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True)
class PhotoChunk:
    """Photos that are embedded in one call. It may be empty."""

    number: int
    photos: tuple[EnrolledPhoto, ...]


@dataclass(frozen=True, slots=True)
class EmbeddedChunk:
    """`photos` has the order of the chunk's."""

    number: int
    photos: tuple[EmbeddedPhoto, ...]


class PhotoStage(Protocol):
    """What a worker does with a chunk."""

    def embed(self, photos: Sequence[EnrolledPhoto]) -> list[EmbeddedPhoto]:
        """Results of the same length and order; the same photos give the same bytes. Blocks for the computation.

        Untrusted bytes never raise. Any exception counts as a crash.
        """
        ...


class Embedder(Protocol):
    """Workers that embed chunks. Used by one thread."""

    def embed(self, chunks: Iterable[PhotoChunk]) -> Iterator[EmbeddedChunk]:
        """Every chunk comes back exactly once, in any order; the next one is asked for when a worker is free.

        A photo that kills its worker three times, the last time alone, comes back with a reason. Blocks while nothing
        has come back.

        Raises:
            PoolLost: the workers are gone for good; chunks that have not come back are not embedded.
        """
        ...


class EmbedStage:
    """A pack that looks at photos which were enrolled before. Belongs to the thread that built it, as its pack does."""

    def __init__(self, pack: FacePack) -> None:
        self._pack = pack

    def embed(self, photos: Sequence[EnrolledPhoto]) -> list[EmbeddedPhoto]:
        """See PhotoStage."""
        if not photos:
            return []
        results = self._pack.analyse([photo.content for photo in photos], ENROLLED_PHOTOS)
        return [_embedded(photo, result) for photo, result in zip(photos, results, strict=True)]


@dataclass(frozen=True, slots=True)
class EmbedSpec:
    """How a worker builds its stage in its own process; `pack` as `load_pack` takes it, a folder as absolute path."""

    pack: str
    precision: Choice
    embedding_space: str
    runtime: Runtime = CPU

    def __call__(self) -> EmbedStage:
        """Load and check.

        Raises:
            PackError: the pack cannot be used here.
            SpaceMismatch: on this machine it makes vectors of another space (another precision, other files).
        """
        pack = load_pack(self.pack, self.precision, self.runtime)
        if (found := pack.info.embedding_space) != self.embedding_space:
            raise SpaceMismatch(
                f"pack {pack.info.name} makes vectors of space {found} in a worker, {self.embedding_space} are wanted: "
                "give all machines the same files, and one precision by name (faces.precision)"
            )
        return EmbedStage(pack)


class InlineEmbedder:
    """One worker inside this process, for small galleries and tests. A photo that ends the process ends this too."""

    def __init__(self, stage: PhotoStage) -> None:
        self._stage = stage

    def embed(self, chunks: Iterable[PhotoChunk]) -> Iterator[EmbeddedChunk]:
        for chunk in chunks:
            yield EmbeddedChunk(chunk.number, tuple(self._stage.embed(chunk.photos)))


def same_face(before_px: tuple[float, float, float, float], now_px: tuple[float, float, float, float]) -> bool:
    """Whether two boxes (x0, y0, x1, y1) in one photo, by two detectors, are of the same face."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = before_px, now_px
    shared = max(0.0, min(ax1, bx1) - max(ax0, bx0)) * max(0.0, min(ay1, by1) - max(ay0, by0))
    smaller = min((ax1 - ax0) * (ay1 - ay0), (bx1 - bx0) * (by1 - by0))
    return shared >= LEAST_OVERLAP * smaller > 0


def _embedded(photo: EnrolledPhoto, result: PhotoResult) -> EmbeddedPhoto:
    face = result.finding.face
    if result.vector is None:
        code = result.finding.code
        return EmbeddedPhoto(photo.id, face=face, reason=code.value if code is not None else "no_face")
    if photo.box_px is not None and face is not None and not same_face(photo.box_px, face.box_px):
        return EmbeddedPhoto(photo.id, face=face, reason=ANOTHER_FACE)
    return EmbeddedPhoto(photo.id, result.vector.astype("<f4").tobytes(), face)
