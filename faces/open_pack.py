"""The open pack, assembled: BlazeFace, face mesh and dlib's descriptor, in the precision that this CPU gets right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from hadir.core.errors import PackError
from hadir.core.vectors import Vectors
from hadir.faces.alignment import CHIP_PX
from hadir.faces.analysis import AssembledPack
from hadir.faces.descriptor import Descriptor
from hadir.faces.front import build_front, read_array
from hadir.faces.image import Image
from hadir.faces.manifest import (
    GOLDEN_CHIP,
    Manifest,
    Precision,
    embedding_space,
    read_files,
    read_manifest,
    threshold_table,
)
from hadir.faces.mesh import Mesh
from hadir.faces.onnx import Network
from hadir.faces.pack import PackInfo
from hadir.faces.runtime import CPU, Runtime

__all__ = ["GOLDEN_COSINE", "Choice", "OpenEmbedder", "golden_cosine", "load_open_pack", "shipped_folder"]

GOLDEN_COSINE = 0.9995
"""The stored vector is the exact one; int8 products give .9999 of it with VNNI, and less where they saturate."""


Choice = Literal["auto", "int8", "fp16"]
"""A precision, or the first that this machine computes rightly."""


class OpenEmbedder:
    """The canonical chip, as it is, to a descriptor."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor

    def crop(self, image: Image, mesh: Mesh, chip: Image) -> Image:  # noqa: ARG002 - the chip is all it needs
        return chip

    def embed(self, crops: Sequence[Image]) -> Vectors:
        return self._descriptor.embed(crops)


def shipped_folder() -> Path:
    """Where the open pack's weights lie, as package data."""
    return Path(__file__).parent / "weights"


def load_open_pack(folder: Path | None = None, precision: Choice = "auto", runtime: Runtime = CPU) -> AssembledPack:
    """Load the shipped pack, or another one of its format from `folder`; about 50 ms.

    `auto` takes int8 where the golden chip gives its stored vector on this CPU, and fp16 otherwise: *another* embedding
    space, which `info.precision` names. On a card fp16 comes first: cards have no fast path for these int8 graphs.

    Raises:
        PackError: a file is missing or altered, or the precision asked for does not give the golden vector.
    """
    folder = shipped_folder() if folder is None else folder
    manifest = read_manifest(folder)
    contents = read_files(folder, manifest)
    chosen, descriptor = _descriptor(manifest, contents, precision, runtime)
    front = build_front(manifest, contents, runtime)
    info = PackInfo(
        name=manifest.name,
        licence=manifest.licence,
        embedding_space=embedding_space(manifest, chosen),
        dimension=descriptor.dimension,
        precision=chosen,
        runtime=descriptor.provider,
        thresholds=threshold_table(manifest.thresholds.get(chosen, {}), str(folder)),
        identify_margin=manifest.identify_margin,
        files={name: entry.sha256 for name, entry in manifest.files.items()},
        statistics=folder / manifest.statistics if manifest.statistics else None,
    )
    return AssembledPack(
        info,
        front.locator,
        front.template,
        manifest.quality,
        OpenEmbedder(descriptor),
        together=Runtime(descriptor.provider).together,
    )


def golden_cosine(
    manifest: Manifest, contents: Mapping[str, bytes], precision: Precision, descriptor: Descriptor
) -> float:
    """The cosine between the golden chip's stored vector and what `descriptor` makes of that chip on this machine."""
    chip = read_array(contents, GOLDEN_CHIP, (CHIP_PX, CHIP_PX, 3), "chip").astype(np.uint8)
    stored = np.asarray(manifest.golden.get(precision, []), dtype=np.float64)
    made = descriptor.embed([chip])[0].astype(np.float64)
    if stored.shape != made.shape:
        raise PackError(f"the manifest's golden {precision} vector has {stored.size} numbers, expected {made.size}")
    return float(stored @ made / np.linalg.norm(stored))


def _descriptor(
    manifest: Manifest, contents: Mapping[str, bytes], wanted: Choice, runtime: Runtime
) -> tuple[Precision, Descriptor]:
    """The first precision of those allowed that passes the golden test."""
    fastest: tuple[Precision, ...] = ("int8", "fp16") if runtime.provider == "cpu" else ("fp16", "int8")
    allowed = fastest if wanted == "auto" else (wanted,)
    cosines = []
    for precision in allowed:
        file = manifest.descriptor.int8 if precision == "int8" else manifest.descriptor.fp16
        descriptor = Descriptor(Network(contents[file], file, ("output",), runtime), manifest.descriptor.dimension)
        cosine = golden_cosine(manifest, contents, precision, descriptor)
        if cosine >= GOLDEN_COSINE:
            return precision, descriptor
        cosines.append(f"{precision} {cosine:.4f}")
    raise PackError(
        f"the golden chip's cosine on this machine is {', '.join(cosines)}, expected at least {GOLDEN_COSINE}: "
        "its arithmetic cannot be trusted here, use another machine or onnxruntime version"
    )
