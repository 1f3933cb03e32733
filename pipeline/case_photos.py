"""Photos of cases, kept for the people who must look: one file per content, in any folder or bucket of pyarrow.fs."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from hadir.core.errors import GalleryError
from hadir.index.storage import Storage

__all__ = ["CasePhotos"]

MOST_PHOTO_BYTES = 8 * 1_048_576
"""More than any record holds: what is larger was not put here by Hadir."""


class CasePhotos:
    """Keeps each photo under its SHA-256, so that keeping it again, after a crash or for a repeat, changes nothing.
    Encrypted where the storage has a key; whole and on the disk before `keep` returns.

    Raises, every method: StoreUnavailable where the store refuses or does not answer; what was kept is harmless.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def keep(self, photos: Sequence[bytes]) -> tuple[str, ...]:
        """Store what is not there yet; returns the hex digests, parallel to `photos`. Blocks on the store."""
        return tuple(self._keep(photo) for photo in photos)

    def read(self, sha256: str) -> bytes | None:
        """The photo of this digest, None where it is not kept (not a case's, or swept after its erasure).

        Raises:
            ConfigError: it is encrypted with a key that is not the storage's.
            GalleryError: it was altered.
        """
        content = self._storage.read(_name(sha256), MOST_PHOTO_BYTES)
        if content is not None and hashlib.sha256(content).hexdigest() != sha256:
            raise GalleryError(f"the photo {sha256[:12]} of a case was altered: restore it from a backup")
        return content

    def sweep(self, named: Collection[str], before_ms: int) -> int:
        """Delete photos last written before `before_ms` (UTC) that `named` does not hold; returns how many.

        They were kept for a transaction that a crash undid, or their evidence has been erased. Give `before_ms` a good
        distance: a photo is kept before the row that names it.
        """
        orphans = [name for name in self._storage.written_before(before_ms) if name.rpartition("/")[2] not in named]
        return sum(self._storage.delete(name) for name in orphans)

    def _keep(self, photo: bytes) -> str:
        digest = hashlib.sha256(photo).hexdigest()
        if not self._storage.exists(_name(digest)):
            self._storage.write(_name(digest), photo)
        return digest


def _name(sha256: str) -> str:
    """Two levels keep folders small."""
    return f"{sha256[:2]}/{sha256}"
