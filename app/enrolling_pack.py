"""Which pack looks at photos that are to be enrolled."""

from __future__ import annotations

from pathlib import Path

from hadir.app.serving_pack import pack_for_space, runtime_of
from hadir.app.stores import pack_folder
from hadir.core.settings import Settings
from hadir.faces.pack import FacePack
from hadir.faces.packs import load_pack
from hadir.index.manifest import read_manifest
from hadir.index.pointers import read_pointers, snapshot_folder

__all__ = ["enrolling_pack"]


def enrolling_pack(settings: Settings, named: str | None) -> FacePack:
    """The one that is `named`; else the one of the snapshot that serves, or people would be enrolled where nobody looks
    for them after another space was promoted; else the settings'.

    Raises:
        PackError, SetupError: it cannot be used here.
        SnapshotError, SpaceMismatch: what serves is damaged, or its pack is not here; naming a pack goes on.
    """
    root = Path(settings.stores.snapshots)
    current = None if named is not None else read_pointers(root).current
    if current is None:
        return load_pack(pack_folder(settings, named), settings.faces.precision, runtime_of(settings))
    serving = pack_for_space(settings, read_manifest(snapshot_folder(root, current)).space)
    return load_pack(serving.pack, serving.precision, runtime_of(settings))
