"""Where a site's photos and templates lie: settings to storages."""

from __future__ import annotations

from pathlib import Path

from hadir.core.settings import Settings
from hadir.faces.pack import PackInfo
from hadir.index.enrolments import Enrolments
from hadir.index.envelope import Envelope, read_key
from hadir.index.photo_store import PhotoStore
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage

__all__ = ["enrolments", "gallery_root", "key_of", "photo_store", "space_of"]


def gallery_root(settings: Settings, instead: str | None = None) -> Storage:
    """The folder of galleries, one for each embedding space; `instead` of the settings' where it is given.

    Raises:
        ConfigError: it is no place that files can be kept in, or the key file cannot be used.
    """
    return Storage(instead or settings.stores.gallery, key_of(settings))


def photo_store(settings: Settings) -> PhotoStore:
    """The photos that people are enrolled with. Raises as `gallery_root`."""
    return PhotoStore(Storage(settings.stores.photos, key_of(settings)))


def enrolments(settings: Settings, gallery: str | None = None) -> Enrolments:
    """Photos and galleries together, for who enrols and erases. Raises as `gallery_root`."""
    return Enrolments(gallery_root(settings, gallery), photo_store(settings))


def key_of(settings: Settings) -> Envelope | None:
    """The key that photos and templates are encrypted with, None where they are not. Raises ConfigError by name."""
    return read_key(Path(settings.stores.key_file)) if settings.stores.key_file else None


def space_of(pack: PackInfo) -> EmbeddingSpace:
    """The space that this pack's vectors lie in."""
    return EmbeddingSpace(pack.embedding_space, pack.dimension, pack.name, pack.precision, pack.licence)
