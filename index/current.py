"""Which snapshot serves: one small file beside the snapshots that names it, replaced in one step."""

from __future__ import annotations

import re
from pathlib import Path

from hadir.core.errors import SnapshotError
from hadir.index.durable import write_durably
from hadir.index.manifest import MANIFEST, read_manifest

__all__ = ["POINTER", "resolve", "serve"]

POINTER = "current"
MOST_POINTER_BYTES = 64

_ID = re.compile(r"[0-9a-f]{16}")


def serve(root: Path, snapshot_id: str) -> None:
    """From now on `resolve(root)` gives this snapshot; going back is serving the one before.

    Raises:
        SnapshotError: there is no such snapshot under `root`, or its manifest is damaged; the pointer stays as it was.
    """
    folder = _folder(root, snapshot_id)
    read_manifest(folder)
    write_durably(root / POINTER, f"{snapshot_id}\n".encode())


def resolve(path: Path) -> Path:
    """The folder of the snapshot that serves; `path` is a folder of snapshots, or a snapshot itself.

    Raises:
        SnapshotError: no snapshot serves, or the one that should is not there.
    """
    if (path / MANIFEST).exists():
        return path
    try:
        with (path / POINTER).open("rb") as file:
            named = file.read(MOST_POINTER_BYTES).decode("ascii", errors="replace").strip()
    except OSError as err:
        raise SnapshotError(f"no snapshot serves under {path}: build one (hadir index build)") from err
    return _folder(path, named)


def _folder(root: Path, snapshot_id: str) -> Path:
    if not _ID.fullmatch(snapshot_id):
        raise SnapshotError(f"{root} names no snapshot: an id is 16 hex digits, here are {len(snapshot_id)} characters")
    folder = root / snapshot_id
    if not folder.is_dir():
        raise SnapshotError(f"snapshot {snapshot_id} is not under {root}: build it anew (hadir index build)")
    return folder
