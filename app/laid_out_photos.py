"""The photos of a case, taken out of their store for the person who must look at them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hadir.core.errors import InputError
from hadir.pipeline.case_photos import CasePhotos

__all__ = ["lay_out"]


def lay_out(store: CasePhotos, evidence: Mapping[str, Any] | None, folder: Path) -> list[str]:
    """Write the photos that this evidence names to `folder`, readable by the owner alone; returns their paths. None
    are there where the check-in is no case, or its evidence was erased: then no folder is made either.

    Delete them when you have looked: nothing here does.

    Raises:
        InputError: the folder cannot be written.
        ConfigError, GalleryError, StoreUnavailable: as `CasePhotos.read`.
    """
    named = [str(photo["sha256"]) for photo in (evidence or {}).get("photos") or ()]
    found = {sha256: photo for sha256 in named if (photo := store.read(sha256)) is not None}
    if not found:
        return []
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        files = [_write(folder / f"{sha256[:16]}.photo", photo) for sha256, photo in found.items()]
    except OSError as err:
        raise InputError(f"{folder} cannot be written ({err.strerror}): name another folder") from err
    return files


def _write(path: Path, photo: bytes) -> str:
    kind = ".png" if photo.startswith(b"\x89PNG") else ".webp" if photo[8:12] == b"WEBP" else ".jpg"
    path = path.with_suffix(kind)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(photo)
    return str(path)
