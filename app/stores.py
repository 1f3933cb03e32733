"""Where a site's photos and templates lie: settings to storages."""

from __future__ import annotations

from hadir.core.settings import Settings
from hadir.faces.pack import PackInfo
from hadir.index.photo_store import PhotoStore
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage

__all__ = ["gallery_root", "photo_store", "space_of"]


def gallery_root(settings: Settings, instead: str | None = None) -> Storage:
    """The folder of galleries, one for each embedding space; `instead` of the settings' where it is given.

    Raises:
        ConfigError: it is no place that files can be kept in.
    """
    return Storage(instead or settings.stores.gallery)


def photo_store(settings: Settings) -> PhotoStore:
    """The photos that people are enrolled with. Raises as `gallery_root`."""
    return PhotoStore(settings.stores.photos)


def space_of(pack: PackInfo) -> EmbeddingSpace:
    """The space that this pack's vectors lie in."""
    return EmbeddingSpace(pack.embedding_space, pack.dimension, pack.name, pack.precision, pack.licence)
