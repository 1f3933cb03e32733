"""What of a pack's files is kept, and what the pack is: found out by loading it once, before anybody relies on it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.core.errors import PackError
from hadir.faces.insightface_pack import load_insightface_pack
from hadir.faces.insightface_parts import find_parts
from hadir.faces.manifest import PackFile
from hadir.faces.pack_record import RECORD, FrontKind
from hadir.faces.packs import is_open_format, load_pack
from hadir.faces.runtime import CPU

__all__ = ["StagedPack", "stage"]


@dataclass(frozen=True, slots=True)
class StagedPack:
    """`files` are kept, `left_out` were deleted; the rest is what the loaded pack says."""

    files: dict[str, PackFile]
    left_out: list[str]
    front: FrontKind
    embedding_space: str
    dimension: int


def stage(folder: Path, names: Sequence[str], front: FrontKind) -> StagedPack:
    """Delete what is not needed of the files `names` in `folder`, and load the rest.

    Raises:
        PackError: it is no pack, or `front` is not to be had with it.
    """
    (folder / RECORD).unlink(missing_ok=True)  # another store's, where a pack is copied from one
    kept = set(names) - {RECORD}
    left_out: set[str] = set()
    if is_open_format(folder):
        if front != "open":
            raise PackError("a pack of the open format has its own detector and mesh: leave --front open")
        info = load_pack(folder).info
    else:
        left_out = {name for name in kept if name.endswith(".onnx")} - _used(folder, kept)
        for name in left_out:
            (folder / name).unlink()
        info = load_insightface_pack(folder, CPU, front).info
    files = {name: _fingerprint(folder / name) for name in sorted(kept - left_out)}
    return StagedPack(files, sorted(left_out), front, info.embedding_space, info.dimension)


def _used(folder: Path, names: set[str]) -> set[str]:
    """The recogniser, and the detector where there is one: it lets the pack be added again with it in front."""
    contents = {name: (folder / name).read_bytes() for name in names if name.endswith((".onnx", ".json"))}
    parts = find_parts(contents, "the pack", CPU)
    return {parts.recogniser.file} | ({parts.detector.file} if parts.detector is not None else set())


def _fingerprint(path: Path) -> PackFile:
    content = path.read_bytes()
    return PackFile(hashlib.sha256(content).hexdigest(), len(content))
