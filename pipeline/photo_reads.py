"""Photos out of their store, a little ahead of the workers, so that none of them waits for a disk or a bucket."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from hadir.core.errors import GalleryError
from hadir.index.photo_store import PhotoStore
from hadir.index.reindex_chunks import EmbeddedPhoto
from hadir.index.templates import Template
from hadir.pipeline.embedding import EnrolledPhoto, PhotoChunk

__all__ = ["PHOTO_ALTERED", "PHOTO_MISSING", "PhotoReads"]

PHOTO_MISSING = "photo_missing"
"""The store does not keep this photo."""
PHOTO_ALTERED = "photo_altered"
"""The store's bytes are not those that were enrolled."""

_AT_ONCE = 8
"""A bucket answers in tens of milliseconds: eight requests at a time feed 300 photos/s."""
MOST_BYTES_AHEAD = 64 << 20
"""Chunks that were read and not asked for yet; 32 photos have 128 MiB at most, mostly 2."""

_Read = Future[EnrolledPhoto | EmbeddedPhoto]


@dataclass(slots=True)
class _Ahead:
    number: int
    photos: list[_Read]

    def size_bytes(self) -> int:
        """Of what has arrived."""
        done = [photo.result() for photo in self.photos if photo.done() and photo.exception() is None]
        return sum(len(photo.content) for photo in done if isinstance(photo, EnrolledPhoto))


class PhotoReads:
    """Chunks of photos in order, read on threads of its own. `with` ends them."""

    def __init__(self, store: PhotoStore, ahead: int) -> None:
        """`ahead`: as many chunks are read before they are asked for, one per worker and one more."""
        self._store = store
        self._ahead = ahead
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="hadir-photos")
        self.unread: dict[int, list[EmbeddedPhoto]] = {}
        """By chunk, what could not be read and why; a chunk's own stand here before it is handed out."""

    def __enter__(self) -> PhotoReads:
        return self

    def __exit__(self, *_: object) -> None:
        self._threads.shutdown(cancel_futures=True)

    def chunks(self, wanted: Iterable[tuple[int, Sequence[Template]]]) -> Iterator[PhotoChunk]:
        """The readable photos of each chunk.

        Raises:
            StoreUnavailable: the store does not answer.
        """
        following = iter(wanted)
        queue: deque[_Ahead] = deque()
        while True:
            while len(queue) <= self._ahead and sum(chunk.size_bytes() for chunk in queue) < MOST_BYTES_AHEAD:
                if (chunk := next(following, None)) is None:
                    break
                number, templates = chunk
                queue.append(_Ahead(number, [self._threads.submit(self._read, one) for one in templates]))
            if not queue:
                return
            yield self._arrived(queue.popleft())

    def _arrived(self, chunk: _Ahead) -> PhotoChunk:
        read = [photo.result() for photo in chunk.photos]
        self.unread[chunk.number] = [photo for photo in read if isinstance(photo, EmbeddedPhoto)]
        return PhotoChunk(chunk.number, tuple(photo for photo in read if isinstance(photo, EnrolledPhoto)))

    def _read(self, template: Template) -> EnrolledPhoto | EmbeddedPhoto:
        try:
            content = self._store.read(template.id)
        except GalleryError:
            return EmbeddedPhoto(template.id, reason=PHOTO_ALTERED)
        if content is None:
            return EmbeddedPhoto(template.id, reason=PHOTO_MISSING)
        return EnrolledPhoto(template.id, content, None if template.face is None else template.face.box_px)
