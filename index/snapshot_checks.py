"""What must hold before a snapshot serves, one function each; all raise SnapshotError with the file and the remedy."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import file_digest
from pathlib import Path
from typing import TypeVar

import numpy as np

from hadir.core.errors import SnapshotError
from hadir.index.calibration import Calibration
from hadir.index.calibration_file import calibration_from_json
from hadir.index.faiss_vectors import read_vectors
from hadir.index.flat import FlatIndex
from hadir.index.manifest import MANIFEST, REMEDY, Manifest
from hadir.index.people import people_from_json
from hadir.index.template_cohorts import TemplateCohorts, unpack_statistics

__all__ = [
    "CALIBRATION",
    "COHORTS",
    "FILES",
    "PEOPLE",
    "SYNTHETIC",
    "VECTORS",
    "check_file",
    "check_names",
    "open_index",
    "read_calibration",
    "read_cohorts",
    "self_test",
]

VECTORS = "vectors.faiss"
SYNTHETIC = "synthetic.faiss"
PEOPLE = "people.json"
CALIBRATION = "calibration.json"
COHORTS = "cohorts.npy"
"""Beside the others exactly where scores are normalised; snapshots from before that have none."""

FILES = frozenset({VECTORS, SYNTHETIC, PEOPLE, CALIBRATION})

SAMPLED_PEOPLE = 64
SELF_COSINE = 1 - 1e-5
"""A person's own vector must give this cosine; a float32 unit vector misses 1 by 1e-6 at most."""

_T = TypeVar("_T")


def check_names(path: Path, manifest: Manifest) -> None:
    """The manifest must list exactly the files of a snapshot, with or without the cohorts."""
    if set(manifest.files) - {COHORTS} != FILES:
        raise SnapshotError(f"{path / MANIFEST} lists {len(manifest.files)} files, expected {sorted(FILES)}: {REMEDY}")


def check_file(path: Path, manifest: Manifest, name: str) -> None:
    """The file must have the size and the SHA-256 that the manifest says."""
    file, mark = path / name, manifest.files[name]
    try:
        size = file.stat().st_size
        if size != mark.size_bytes:
            raise SnapshotError(f"{file} has {size} bytes, the manifest says {mark.size_bytes}: {REMEDY}")
        with file.open("rb") as opened:
            digest = file_digest(opened, "sha256").hexdigest()
    except OSError as err:
        raise SnapshotError(f"{file} cannot be read: {REMEDY}") from err
    if digest != mark.sha256:
        raise SnapshotError(f"{file} was altered, its SHA-256 is {digest[:12]}, not {mark.sha256[:12]}: {REMEDY}")


def open_index(path: Path, manifest: Manifest) -> FlatIndex:
    """Map the vectors; people, counts and dimension must agree with them and with the manifest."""
    people = _parsed(path / PEOPLE, lambda file: people_from_json(file.read_bytes()))
    real = _parsed(path / VECTORS, read_vectors)
    synthetic = _parsed(path / SYNTHETIC, read_vectors)
    expected = [False] * manifest.people + [True] * manifest.synthetic
    counts = (len(real.matrix), len(synthetic.matrix))
    if [p.synthetic for p in people] != expected or counts != (manifest.people, manifest.synthetic):
        raise SnapshotError(
            f"{path} holds {counts[0]} real and {counts[1]} synthetic vectors for {len(people)} people, "
            f"the manifest says {manifest.people} and {manifest.synthetic}: {REMEDY}"
        )
    if sum(p.photos for p in people[: manifest.people]) != manifest.templates:
        raise SnapshotError(f"{path / PEOPLE} counts other photos than {manifest.templates} templates: {REMEDY}")
    if {real.matrix.shape[1], synthetic.matrix.shape[1]} != {manifest.space.dimension}:
        raise SnapshotError(f"{path} holds vectors that have not {manifest.space.dimension} dimensions: {REMEDY}")
    try:
        return FlatIndex(real, synthetic, people, manifest.space.name)
    except ValueError as err:
        raise SnapshotError(f"{path / PEOPLE} does not fit the vectors: {err}: {REMEDY}") from err


def read_calibration(path: Path) -> Calibration:
    """The snapshot's own thresholds."""
    return _parsed(path / CALIBRATION, lambda file: calibration_from_json(file.read_bytes()))


def read_cohorts(path: Path, manifest: Manifest, index: FlatIndex, calibration: Calibration) -> TemplateCohorts | None:
    """What z is computed with, None where cosines serve. Both files must agree on that, and on who is enrolled."""
    chosen = calibration.normalisation
    if (COHORTS in manifest.files) != (chosen is not None and chosen.on):
        raise SnapshotError(f"{path} has cohorts without a calibration for them, or the reverse: {REMEDY}")
    if chosen is None or not chosen.on:
        return None
    statistics = _parsed(path / COHORTS, lambda file: unpack_statistics(file.read_bytes()))
    try:
        return TemplateCohorts(chosen.k, index.people[: manifest.people], statistics)
    except ValueError as err:
        raise SnapshotError(f"{path / COHORTS} does not fit the people: {err}: {REMEDY}") from err


def _parsed(file: Path, read: Callable[[Path], _T]) -> _T:
    try:
        return read(file)
    except (ValueError, OSError) as err:
        raise SnapshotError(f"{file} cannot be used: {err}: {REMEDY}") from err


def self_test(index: FlatIndex, embedding_space: str) -> None:
    """Sampled people, evenly spread over the rows, must be found: when claimed, and by the search when nobody is.

    People enrolled with one and the same photo may be found in each other's place. Where nobody is left there is nobody
    to find.
    """
    sampled = index.people[:: max(1, len(index) // SAMPLED_PEOPLE)]
    if not sampled:
        return
    vectors = np.stack([index.vector(p.person) for p in sampled])
    claimed = index.search(vectors, [p.person for p in sampled], embedding_space, cohort=0)
    unclaimed = index.search(vectors, [None] * len(sampled), embedding_space, cohort=0)
    for person, own, first in zip(sampled, claimed, unclaimed, strict=True):
        if own.claimed is None or own.claimed.similarity < SELF_COSINE or own.claimed.photos != person.photos:
            raise SnapshotError(f"the index fails its self-test, a sampled person is not their own match: {REMEDY}")
        if first.others[0].similarity < SELF_COSINE:
            raise SnapshotError(f"the index fails its self-test, a search does not find a sampled person: {REMEDY}")
