"""The photos that templates were made from, kept so that another pack can look at them again."""

from __future__ import annotations

import hashlib
import re

from hadir.core.errors import GalleryError
from hadir.index.storage import Storage

__all__ = ["PhotoStore"]

MOST_PHOTO_BYTES = 4 * 1024 * 1024
_SHA256 = re.compile("[0-9a-f]{64}")


class PhotoStore:
    """Each photo under its SHA-256 (a template's id): keeping it again changes nothing. Raises as Storage."""

    def __init__(self, place: Storage | str) -> None:
        """`place` is a storage, or the path or URI of one that is not encrypted."""
        self._storage = place if isinstance(place, Storage) else Storage(place)

    def keep(self, photo: bytes) -> str:
        """Store one photo's bytes; returns its id, the hex SHA-256."""
        identity = hashlib.sha256(photo).hexdigest()
        if not self._storage.exists(_name(identity)):
            self._storage.write(_name(identity), photo)
        return identity

    def read(self, identity: str) -> bytes | None:
        """The photo; None where it is not kept.

        Raises:
            GalleryError: the bytes are not those that were kept.
        """
        photo = self._storage.read(_name(identity), MOST_PHOTO_BYTES)
        if photo is not None and hashlib.sha256(photo).hexdigest() != identity:
            raise GalleryError(f"photo {identity[:12]} was altered since it was kept: restore it, or enrol it anew")
        return photo

    def keeps(self, identity: str) -> bool:
        """Whether it is there; its bytes are not looked at."""
        return self._storage.exists(_name(identity))

    def forget(self, identity: str) -> bool:
        """Delete a photo, and what a write of it that was cut off has left; whether it was there."""
        folder, _, file = _name(identity).partition("/")
        if self._storage.local is not None:
            for name in self._storage.names(folder):
                if name.startswith(f"{folder}/.{file}."):
                    self._storage.delete(name)
        return self._storage.delete(_name(identity))

    def ids(self) -> list[str]:
        """All photos that are kept, ascending."""
        files = (name.rpartition("/")[2] for name in self._storage.names())
        return sorted(file for file in files if _SHA256.fullmatch(file))


def _name(identity: str) -> str:
    if not _SHA256.fullmatch(identity):
        raise ValueError(f"a photo id of {len(identity)} characters: expected 64 hex digits")
    return f"{identity[:2]}/{identity}"
