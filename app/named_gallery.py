"""Which gallery a command means: the one that it names, else the one that what serves was built from."""

from __future__ import annotations

from pathlib import Path

from hadir.app.stores import gallery_root
from hadir.core.settings import Settings
from hadir.index.galleries import galleries, only_gallery
from hadir.index.gallery import Gallery
from hadir.index.manifest import read_manifest
from hadir.index.pointers import read_pointers, snapshot_folder

__all__ = ["named_gallery"]


def named_gallery(
    settings: Settings, *, space: str | None = None, gallery: str | None = None, snapshots: Path | None = None
) -> Gallery:
    """The gallery of `space` (a pack's name, or how a space's name begins); without it the only one that there is, and
    of several that of the snapshot that serves.

    `gallery` and `snapshots` stand in for the settings' places.

    Raises:
        InputError: as `only_gallery`; several, and none serves.
        GalleryError, SnapshotError, StoreUnavailable: a store or what serves cannot be read.
    """
    root = gallery_root(settings, gallery)
    if space is None and len(galleries(root)) > 1:
        folder = snapshots or Path(settings.stores.snapshots)
        if (current := read_pointers(folder).current) is not None:
            space = read_manifest(snapshot_folder(folder, current)).space.name
    return only_gallery(root, space)
