"""A pack's manifest.json: what is in the folder, checked against its checksums before anything runs.

The golden vectors are what each precision's network means by key `chip` (150, 150, 3) uint8 RGB in golden_chip.npz: the
unit sum of both views, as for any photo, computed without graph optimisations and so free of any CPU's integer kernels.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from hadir.core.errors import PackError
from hadir.core.thresholds import CELLS, RATES, ThresholdTable
from hadir.faces.quality import QualityLimits

__all__ = [
    "CANONICAL_FACE",
    "GOLDEN_CHIP",
    "MANIFEST",
    "AlignmentPart",
    "DescriptorPart",
    "Manifest",
    "ModelPart",
    "PackFile",
    "Precision",
    "embedding_space",
    "read_files",
    "read_manifest",
    "space_of",
    "threshold_table",
]

MANIFEST = "manifest.json"
SCHEMA = 1
GOLDEN_CHIP = "golden_chip.npz"
CANONICAL_FACE = "canonical_face.npy"

PREPROCESSING = "1"
"""Raised when detector sampling, mesh region, alignment or views change in code: vectors then lie in another space."""

Precision = Literal["int8", "fp16"]


@dataclass(frozen=True, slots=True)
class PackFile:
    """SHA-256 in hex and length of one file of the folder."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True)
class ModelPart:
    """A network's file and the side of its square input in pixels."""

    file: str
    input: int


@dataclass(frozen=True, slots=True)
class AlignmentPart:
    """By which template faces are laid into chips of which side."""

    template: str
    chip_px: int


@dataclass(frozen=True, slots=True)
class DescriptorPart:
    """One file per precision, and the length of the vectors."""

    int8: str
    fp16: str
    dimension: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The whole of it. `golden` and `thresholds` are keyed by precision; keys that are not named here are ignored."""

    schema: int
    name: str
    version: str
    licence: str
    files: dict[str, PackFile]
    detector: ModelPart
    landmarks: ModelPart
    alignment: AlignmentPart
    views: list[str]
    descriptor: DescriptorPart
    golden: dict[Precision, list[float]]
    thresholds: dict[Precision, dict[str, dict[str, float | None]]]
    identify_margin: float
    quality: QualityLimits
    statistics: str | None = None


def read_manifest(folder: Path) -> Manifest:
    """Read and check `folder`/manifest.json; the files themselves are `read_files`'s.

    Raises:
        PackError: it is missing, not as described above, or asks for what this version cannot do.
    """
    path = folder / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except OSError as err:
        raise PackError(f"{path} cannot be read ({err.strerror}): give the folder of a face pack") from err
    except msgspec.DecodeError as err:
        raise PackError(f"{path} is not a pack's manifest: {err}; convert the pack again") from err
    _check(manifest, path)
    return manifest


def _check(manifest: Manifest, path: Path) -> None:
    expected = (
        ("schema", manifest.schema, SCHEMA),
        ("detector.input", manifest.detector.input, 128),
        ("landmarks.input", manifest.landmarks.input, 192),
        ("alignment", (manifest.alignment.template, manifest.alignment.chip_px), ("canonical", 150)),
        ("views", manifest.views, ["chip", "mirror"]),
    )
    for key, found, known in expected:
        if found != known:
            raise PackError(f"{path}: {key} is {found!r}, this version reads {known!r}: use the Hadir that made it")
    descriptor = manifest.descriptor
    needed = {manifest.detector.file, manifest.landmarks.file, descriptor.int8, descriptor.fp16}
    needed |= {CANONICAL_FACE, GOLDEN_CHIP} | ({manifest.statistics} if manifest.statistics else set())
    if missing := sorted(needed - manifest.files.keys()):
        raise PackError(f"{path}: files does not list {', '.join(missing)}: convert the pack again")
    if strange := sorted(name for name in manifest.files if Path(name).name != name):
        raise PackError(f"{path}: files names {strange[0]!r}, expected plain names of this folder")


def read_files(folder: Path, manifest: Manifest) -> dict[str, bytes]:
    """The bytes of every file that the manifest lists, checked.

    Raises:
        PackError: one is missing or altered; the message names it.
    """
    contents = {}
    for name, entry in manifest.files.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as err:
            raise PackError(f"{folder / name} cannot be read ({err.strerror}): install the pack again") from err
        digest = hashlib.sha256(content).hexdigest()
        if digest != entry.sha256 or len(content) != entry.bytes:
            raise PackError(
                f"{folder / name} has SHA-256 {digest[:16]}… and {len(content)} bytes, the manifest says "
                f"{entry.sha256[:16]}… and {entry.bytes}: install the pack again"
            )
        contents[name] = content
    return contents


def embedding_space(manifest: Manifest, precision: Precision) -> str:
    """The identity of the vectors that this pack makes at this precision."""
    descriptor = manifest.descriptor.int8 if precision == "int8" else manifest.descriptor.fp16
    parts = {"detector": manifest.detector.file, "landmarks": manifest.landmarks.file, "descriptor": descriptor}
    return space_of(
        {part: manifest.files[name].sha256 for part, name in parts.items()}
        | {
            "alignment": manifest.files[CANONICAL_FACE].sha256,
            "template": f"{manifest.alignment.template} {manifest.alignment.chip_px}",
            "views": " ".join(manifest.views),
            "precision": precision,
        }
    )


def space_of(parts: Mapping[str, str]) -> str:
    """SHA-256 in hex over everything that decides where vectors lie, the code's own revision included."""
    named = json.dumps({**parts, "preprocessing": PREPROCESSING}, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(named.encode()).hexdigest()


def threshold_table(similarity: Mapping[str, Mapping[str, float | None]], origin: str) -> ThresholdTable:
    """A checked table. Raises PackError, with `origin`, for a rate, cell or cosine that cannot be."""
    for rate, cells in similarity.items():
        if rate not in RATES:
            raise PackError(f"{origin}: thresholds name the rate {rate!r}, expected one of {', '.join(RATES)}")
        for cell, value in cells.items():
            if cell not in CELLS or (value is not None and not -1.0 <= value <= 1.0):
                raise PackError(f"{origin}: thresholds say {value} for {cell!r} at {rate}, expected a cosine for p/k")
    return ThresholdTable({rate: dict(cells) for rate, cells in similarity.items()})
