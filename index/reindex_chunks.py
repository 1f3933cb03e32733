"""Finished chunks of a re-embedding: one small file each, checked when it is read, removed when the gallery has all.

They hold vectors of faces like the gallery does, so they are kept no longer than the run that they belong to: a run
with another plan deletes what it finds of earlier ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from hadir.core.evidence import FaceMeasures
from hadir.index.reindex_plan import ReindexPlan
from hadir.index.storage import Storage

__all__ = ["ChunkFiles", "EmbeddedPhoto"]

MOST_CHUNK_BYTES = 4 << 20
"""32 photos of 4,096 dimensions take a half of a MiB."""

_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class EmbeddedPhoto:
    """What became of one photo: `vector` is (D,) little-endian float32 of unit norm, or `reason` says why there is
    none. `id` is the photo's SHA-256."""

    id: str
    vector: bytes | None = None
    face: FaceMeasures | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class _Chunk:
    plan: str
    number: int
    photos: list[EmbeddedPhoto]


class ChunkFiles:
    """The files of one plan, named by its digest and their number. Raises as Storage; safe to share between threads."""

    def __init__(self, storage: Storage, plan: ReindexPlan) -> None:
        self._storage = storage
        self._plan = plan

    def read(self, number: int) -> list[EmbeddedPhoto] | None:
        """What was written; None where there is nothing yet.

        Raises:
            ValueError, GalleryError, ConfigError: the file is damaged, of another plan or place, or encrypted with
                another key: embed this chunk anew.
        """
        content = self._storage.read(self._name(number), MOST_CHUNK_BYTES)
        if content is None:
            return None
        if len(content) > MOST_CHUNK_BYTES or content[:_DIGEST_BYTES] != _digest(content[_DIGEST_BYTES:]):
            raise ValueError(f"chunk {number} was altered since it was written")
        try:
            chunk = msgspec.msgpack.decode(content[_DIGEST_BYTES:], type=_Chunk)
        except msgspec.MsgspecError as err:
            raise ValueError(f"chunk {number} is not one of this version of Hadir") from err
        ids = [template.id for template in self._plan.chunk(number)]
        if (chunk.plan, chunk.number) != (self._plan.digest, number) or [photo.id for photo in chunk.photos] != ids:
            raise ValueError(f"chunk {number} belongs to another plan or place")
        return chunk.photos

    def write(self, number: int, photos: Sequence[EmbeddedPhoto]) -> None:
        """Keep one chunk, its photos in the plan's order; durable on return."""
        body = msgspec.msgpack.encode(_Chunk(self._plan.digest, number, list(photos)))
        self._storage.write(self._name(number), _digest(body) + body)

    def written(self) -> int:
        """How many files there are, sound or not."""
        return len(self._own())

    def remove(self) -> None:
        """The gallery has it all: delete the files of this plan."""
        for name in self._own():
            self._storage.delete(name)

    def remove_others(self) -> list[str]:
        """Delete what other plans have left behind; returns their digests, ascending."""
        others = set(self._storage.names()) - set(self._own())
        for name in others:
            self._storage.delete(name)
        return sorted({name.partition("-")[0] for name in others if not name.startswith(".")})

    def _own(self) -> list[str]:
        return [name for name in self._storage.names() if name.startswith(f"{self._plan.digest}-")]

    def _name(self, number: int) -> str:
        return f"{self._plan.digest}-{number:06d}"


def _digest(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
