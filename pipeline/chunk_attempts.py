"""Chunks whose worker dies: twice whole, then photo by photo, so that one photo costs its neighbours nothing.

Pure. A worker holds one call at a time, so that each death has one suspect. Whole the second time, because a worker
mostly dies of something else than its photos (its node went, memory ran out), and a chunk that is embedded whole is
embedded as in an undisturbed run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from hadir.index.reindex_chunks import EmbeddedPhoto
from hadir.pipeline.embedding import EmbeddedChunk, EnrolledPhoto, PhotoChunk

__all__ = ["ATTEMPTS", "KILLS_WORKER", "Call", "ChunkAttempts"]

ATTEMPTS = 3
"""The crash budget of a check-in's photos (`crash_budget.py`); the last attempt is alone."""

KILLS_WORKER = "processing_failed"
"""As a check-in's reason of the same meaning."""


@dataclass(frozen=True, slots=True)
class Call:
    """These places of one chunk, in one call to one worker; `attempt` counts from 1."""

    chunk: int
    places: tuple[int, ...]
    attempt: int


@dataclass(slots=True)
class _Open:
    chunk: PhotoChunk
    found: dict[int, EmbeddedPhoto] = field(default_factory=dict)


class ChunkAttempts:
    """Every chunk that is opened comes back exactly once, from `landed` or `crashed`. Used by one thread."""

    def __init__(self) -> None:
        self._open: dict[int, _Open] = {}

    def __len__(self) -> int:
        """Chunks that have not come back."""
        return len(self._open)

    def open(self, chunk: PhotoChunk) -> Call:
        """The first call for a chunk."""
        self._open[chunk.number] = _Open(chunk)
        return Call(chunk.number, tuple(range(len(chunk.photos))), 1)

    def photos(self, call: Call) -> list[EnrolledPhoto]:
        """What to send with a call."""
        photos = self._open[call.chunk].chunk.photos
        return [photos[place] for place in call.places]

    def landed(self, call: Call, photos: Sequence[EmbeddedPhoto]) -> EmbeddedChunk | None:
        """A call brought `photos`, as many as were sent; the chunk, where it was the last that was missing."""
        self._open[call.chunk].found.update(zip(call.places, photos, strict=True))
        return self._whole(call.chunk)

    def crashed(self, call: Call) -> tuple[list[Call], EmbeddedChunk | None]:
        """A call's worker died or raised: what to call next, or the chunk where nothing of it is left to try."""
        following = call.attempt + 1
        if call.attempt >= ATTEMPTS or not call.places:
            spent = [EmbeddedPhoto(photo.id, reason=KILLS_WORKER) for photo in self.photos(call)]
            return [], self.landed(call, spent)
        if following < ATTEMPTS:
            return [Call(call.chunk, call.places, following)], None
        return [Call(call.chunk, (place,), following) for place in call.places], None

    def _whole(self, number: int) -> EmbeddedChunk | None:
        opened = self._open[number]
        if len(opened.found) < len(opened.chunk.photos):
            return None
        del self._open[number]
        return EmbeddedChunk(number, tuple(opened.found[place] for place in range(len(opened.chunk.photos))))
