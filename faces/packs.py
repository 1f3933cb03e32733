"""A face pack by its name or folder."""

from __future__ import annotations

from pathlib import Path

from hadir.core.errors import PackError
from hadir.faces.insightface_manifest import is_insightface_manifest
from hadir.faces.insightface_pack import load_insightface_pack
from hadir.faces.manifest import MANIFEST
from hadir.faces.open_pack import Choice, load_open_pack
from hadir.faces.pack import FacePack
from hadir.faces.pack_record import read_checked, read_record
from hadir.faces.runtime import CPU, Runtime

__all__ = ["OPEN", "is_open_format", "load_pack"]

OPEN = "open"
"""The name of the pack that ships inside."""


def load_pack(name_or_folder: str | Path, precision: Choice = "auto", runtime: Runtime = CPU) -> FacePack:
    """The shipped pack for `open`; else a folder: with a manifest.json a pack of the open format, with an ArcFace
    recogniser among its *.onnx an InsightFace pack, which has one precision and takes no other. A folder of the store
    is checked against its record first.

    Raises:
        PackError: it is neither, incomplete or altered, or does not have the precision.
    """
    if name_or_folder == OPEN:
        return load_open_pack(precision=precision, runtime=runtime)
    folder = Path(name_or_folder)
    if is_open_format(folder):
        if (record := read_record(folder)) is not None:
            read_checked(folder, record)
        return load_open_pack(folder, precision, runtime)
    if any(folder.glob("*.onnx")):
        if precision != "auto":
            raise PackError(
                f"{name_or_folder} is an InsightFace folder without precision {precision!r}: ask for 'auto'"
            )
        return load_insightface_pack(folder, runtime)
    raise PackError(
        f"{name_or_folder} is no face pack: expected {OPEN!r}, a folder with {MANIFEST}, or one with an ArcFace *.onnx"
    )


def is_open_format(folder: Path) -> bool:
    """Whether the manifest of `folder` is one of the open format's; InsightFace's own have the same name."""
    path = folder / MANIFEST
    return path.is_file() and not is_insightface_manifest(path.read_bytes())
