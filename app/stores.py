"""Where a site's photos, templates and face packs lie: settings to storages."""

from __future__ import annotations

from pathlib import Path

from hadir.core.errors import PackError
from hadir.core.settings import Settings
from hadir.faces.model_lock import known_packs
from hadir.faces.model_store import ModelStore
from hadir.faces.pack import PackInfo
from hadir.faces.packs import OPEN
from hadir.index.enrolments import Enrolments
from hadir.index.envelope import Envelope, read_key
from hadir.index.photo_store import PhotoStore
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage

__all__ = [
    "case_photo_storage",
    "enrolments",
    "gallery_root",
    "key_of",
    "model_store",
    "pack_folder",
    "photo_storage",
    "photo_store",
    "space_of",
]


def gallery_root(settings: Settings, instead: str | None = None) -> Storage:
    """The folder of galleries, one for each embedding space; `instead` of the settings' where it is given.

    Raises:
        ConfigError: it is no place that files can be kept in, or the key file cannot be used.
    """
    return Storage(instead or settings.stores.gallery, key_of(settings))


def photo_store(settings: Settings) -> PhotoStore:
    """The photos that people are enrolled with. Raises as `gallery_root`."""
    return PhotoStore(photo_storage(settings))


def photo_storage(settings: Settings) -> Storage:
    """Where they lie. Raises as `gallery_root`."""
    return Storage(settings.stores.photos, key_of(settings))


def case_photo_storage(settings: Settings) -> Storage:
    """Where the photos of cases lie. Raises as `gallery_root`."""
    return Storage(settings.stores.case_photos, key_of(settings))


def enrolments(settings: Settings, gallery: str | None = None) -> Enrolments:
    """Photos and galleries together, for who enrols and erases. Raises as `gallery_root`."""
    return Enrolments(gallery_root(settings, gallery), photo_store(settings))


def key_of(settings: Settings) -> Envelope | None:
    """The key that all of these are encrypted with, None where they are not. Raises ConfigError by name."""
    return read_key(Path(settings.stores.key_file)) if settings.stores.key_file else None


def space_of(pack: PackInfo) -> EmbeddingSpace:
    """The space that this pack's vectors lie in."""
    return EmbeddingSpace(pack.embedding_space, pack.dimension, pack.name, pack.precision, pack.licence)


def model_store(settings: Settings) -> ModelStore:
    """The face packs that were fetched or added."""
    return ModelStore(Path(settings.stores.models))


def pack_folder(settings: Settings, name: str | None = None) -> str:
    """What `load_pack` takes for a pack's name: `open`, or the absolute folder of a stored pack, else of any other.

    `name` None is the settings' pack. A stored name goes before a folder of the same name.

    Raises:
        PackError: it is neither; the message names what there is. Or the stored pack's record was altered.
    """
    chosen = settings.faces.pack if name is None else name
    store = model_store(settings)
    if chosen == OPEN:
        return OPEN
    if chosen in store.names():
        return str(store.folder(chosen).absolute())
    if Path(chosen).is_dir():
        return str(Path(chosen).absolute())
    there = ", ".join((OPEN, *store.names()))
    how = f": hadir models fetch {chosen} gets it" if chosen in known_packs() else ", nor a folder"
    raise PackError(f"{chosen!r} is no face pack of this site (there: {there}){how}")
