"""Bring photos, galleries and photos of cases under the site's key: kept without one before, or under an older one."""

from __future__ import annotations

from dataclasses import dataclass

from hadir.app.stores import case_photo_storage, enrolments, key_of, photo_storage
from hadir.core.errors import ConfigError, GalleryError
from hadir.core.settings import Settings
from hadir.index.envelope import Envelope, is_sealed, key_name
from hadir.index.parquet import MOST_FILE_BYTES
from hadir.index.storage import Storage

__all__ = ["Encrypted", "encrypt_stores"]

_CUT_OFF = ".tmp"
"""What a write that was killed has left (`index/durable.py`)."""


@dataclass(frozen=True, slots=True)
class Encrypted:
    """How many files were written anew under the key, and how many were under it already."""

    files: int
    already: int


def encrypt_stores(settings: Settings, old: Envelope | None) -> Encrypted:
    """File by file; cut off, it goes on where it was. Nobody may enrol meanwhile, and a reader
    may meet a file of either kind and be refused by name.

    Raises:
        ConfigError: the settings name no key, or a file is under a key that is neither theirs nor `old`.
        GalleryError: a file was altered, or somebody enrols.
        StoreUnavailable: a store does not answer.
    """
    key = key_of(settings)
    if key is None:
        raise ConfigError("[stores] key_file names no key: make one (head -c 32 /dev/urandom), chmod 600, and name it")
    place = enrolments(settings)
    with place.locked():
        stores = (photo_storage(settings), place.root, case_photo_storage(settings))
        counted = [_encrypt(storage, key, old) for storage in stores]
    return Encrypted(sum(c.files for c in counted), sum(c.already for c in counted))


def _encrypt(storage: Storage, key: Envelope, old: Envelope | None) -> Encrypted:
    files = already = 0
    for name in _names(storage):
        if name.endswith(_CUT_OFF):
            storage.delete(name)
            continue
        content = _raw(storage, name)
        if is_sealed(content) and key_name(content) == key.name:
            already += 1
            continue
        if is_sealed(content):
            if old is None or key_name(content) != old.name:
                raise ConfigError(
                    f"{storage.uri}/{name} is encrypted with key {key_name(content)}: name its file with --old-key"
                )
            content = old.open(name.rpartition("/")[2], content)
        storage.under(key).write(name, content)
        files += 1
    return Encrypted(files, already)


def _names(storage: Storage) -> list[str]:
    return [name for name in storage.names() if not name.endswith(".lock")]


def _raw(storage: Storage, name: str) -> bytes:
    content = storage.read_raw(name, MOST_FILE_BYTES)
    if content is None or len(content) > MOST_FILE_BYTES:
        raise GalleryError(f"{storage.uri}/{name} went away or has more than 1 GiB: it was not written by Hadir")
    return content
