"""Folders of labelled photos to chips and vectors, by the product's own code for photos, faces and alignment."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import InputError
from hadir.core.vectors import Vectors
from hadir.faces.alignment import CHIP_PX, canonical_template, cut_chip, fit_similarity
from hadir.faces.blazeface import BlazeFace
from hadir.faces.descriptor import Descriptor
from hadir.faces.image import Image
from hadir.faces.locate import FaceLocator
from hadir.faces.mesh import FaceMesh
from hadir.faces.onnx import Network
from hadir.faces.pack import ENROLMENT_PHOTOS
from hadir.faces.photo import decode_photo

__all__ = ["ChipCutter", "EmbeddedSet", "LabelledChip", "chips_of", "embed", "photo_paths"]

_SUFFIXES = {".jpg", ".jpeg", ".pgm", ".png"}
_MOST_CHIPS = 256
"""Chips held at once: 17 MB."""


class ChipCutter:
    """The open pack up to the descriptor, from the files of a weights folder."""

    def __init__(self, weights: Path) -> None:
        detector = Network((weights / "short.onnx").read_bytes(), "short.onnx", ("regressors", "classificators"))
        mesh = Network((weights / "mesh.onnx").read_bytes(), "mesh.onnx", ("conv2d_21", "conv2d_31"))
        self._locator = FaceLocator(BlazeFace(detector), FaceMesh(mesh), second_face_ratio=1.0)
        canonical: NDArray[np.float32] = np.load(weights / "canonical_face.npy")
        self._template = canonical_template(canonical)

    def cut(self, image: Image) -> Image | None:
        """The largest face's chip, None where no face is found. No quality reason is applied."""
        (face,) = self._locator.locate([image])
        if face is None:
            return None
        return cut_chip(image, fit_similarity(face.mesh.points_px, self._template), CHIP_PX)


@dataclass(frozen=True, slots=True, eq=False)
class LabelledChip:
    """One photo: its folder's name as the person, its SHA-256, and its chip where a face was found."""

    person: str
    photo: str
    chip: Image | None


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedSet:
    """`vectors[precision][person]` are a person's photos, (photos, D) unit float32, ascending by the photo's hash.

    `failed` photos showed no face to the pack and are in no figure.
    """

    vectors: Mapping[str, Mapping[str, Vectors]]
    failed: int


def photo_paths(folder: Path) -> list[Path]:
    """Every photo below `folder`, sorted. Raises InputError where there is none."""
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _SUFFIXES)
    if not paths:
        raise InputError(f"no JPEG, PNG or PGM below {folder}: name a folder that holds one folder per person")
    return paths


def chips_of(folder: Path, cutter: ChipCutter) -> Iterator[LabelledChip]:
    """Every photo's chip, in the order of `photo_paths`."""
    for path in photo_paths(folder):
        data = path.read_bytes()
        chip = cutter.cut(decode_photo(data, ENROLMENT_PHOTOS).pixels)
        yield LabelledChip(path.parent.name, hashlib.sha256(data).hexdigest(), chip)


def embed(folder: Path, cutter: ChipCutter, descriptors: Mapping[str, Descriptor]) -> EmbeddedSet:
    """Every photo's vector by every descriptor (precision to descriptor)."""
    labels: list[LabelledChip] = []
    rows: dict[str, list[Vectors]] = {precision: [] for precision in descriptors}
    failed = 0
    for batch in _batches(chips_of(folder, cutter)):
        usable = [item for item in batch if item.chip is not None]
        failed += len(batch) - len(usable)
        labels += [LabelledChip(item.person, item.photo, None) for item in usable]
        for precision, descriptor in descriptors.items():
            rows[precision].append(descriptor.embed([item.chip for item in usable if item.chip is not None]))
    vectors = {precision: _by_person(labels, np.concatenate(parts)) for precision, parts in rows.items()}
    return EmbeddedSet(vectors, failed)


def _batches(items: Iterator[LabelledChip]) -> Iterator[list[LabelledChip]]:
    batch: list[LabelledChip] = []
    for item in items:
        batch.append(item)
        if len(batch) == _MOST_CHIPS:
            yield batch
            batch = []
    if batch:
        yield batch


def _by_person(labels: list[LabelledChip], vectors: Vectors) -> dict[str, Vectors]:
    rows: dict[str, list[tuple[str, int]]] = {}
    for row, label in enumerate(labels):
        rows.setdefault(label.person, []).append((label.photo, row))
    return {person: vectors[[row for _, row in sorted(rows[person])]] for person in sorted(rows)}
