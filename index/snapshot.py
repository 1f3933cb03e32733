"""An immutable folder that a search is served from: built aside, checked, renamed into place, never changed.

Vectors lie in FAISS's own format and are mapped into memory, so that all face actors of a machine share one copy. A
snapshot is served only after every checksum, count and space has been compared and sampled people have found themselves
in it: a wrong index would not crash, it would accuse people.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from hadir.core.errors import InputError, SnapshotError
from hadir.core.vectors import Vectors, fuse
from hadir.index.calibration import Calibration, impostor_table
from hadir.index.calibration_file import calibration_to_json
from hadir.index.durable import flush_folder, write_durably
from hadir.index.faiss_vectors import pack_vectors
from hadir.index.flat import FlatIndex
from hadir.index.gallery import Gallery
from hadir.index.manifest import MANIFEST, FileMark, Manifest, content_id, manifest_to_json, read_manifest
from hadir.index.parquet import pack_people
from hadir.index.people import EnrolledPerson, check_people
from hadir.index.snapshot_checks import (
    CALIBRATION,
    FILES,
    PEOPLE,
    SYNTHETIC,
    VECTORS,
    check_file,
    check_names,
    open_index,
    read_calibration,
    self_test,
)
from hadir.index.space import require_same_space
from hadir.index.templates import by_person

__all__ = ["Check", "Snapshot", "build_snapshot", "load_snapshot", "verify_snapshot"]

SyntheticPeople = tuple[Vectors, Sequence[EnrolledPerson]]
"""As `draw_people` returns them: (N, D) vectors and who they are."""


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """What serves: who is enrolled, and which similarity means which rate among them."""

    manifest: Manifest
    index: FlatIndex
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Check:
    """One thing `verify_snapshot` looked at; `problem` says what is wrong and what to do, None where all is well."""

    name: str
    problem: str | None = None


def build_snapshot(
    root: Path,
    gallery: Gallery,
    created_at_ms: int,
    hadir_version: str,
    synthetic: SyntheticPeople | None = None,
) -> Path:
    """Build from everything in `gallery`, plus `synthetic` people (`draw_people`), into `root/<id>`; return that path.

    The same content is the same id: where it is there already and sound, nothing is written. Calibration makes this
    take eleven seconds for 13,000 people of three photos, on one core.

    Raises:
        InputError: the gallery is empty, or a synthetic person has a real one's id.
        GalleryError: the gallery is altered.
        SnapshotError: a snapshot of this id is there and damaged.
    """
    photos = by_person(gallery.templates())
    if not photos:
        raise InputError("the gallery holds no templates: enrol people first (hadir enroll)")
    people = [EnrolledPerson(person, len(vectors)) for person, vectors in photos.items()]
    synthetic = synthetic or (np.empty((0, gallery.space.dimension), dtype=np.float32), ())
    contents = _contents(photos, people, synthetic)
    manifest = Manifest(
        id="",
        space=gallery.space,
        people=len(people),
        templates=sum(p.photos for p in people),
        synthetic=len(synthetic[1]),
        files={name: FileMark.of(content) for name, content in contents.items()},
        created_at_ms=created_at_ms,
        hadir_version=hadir_version,
    )
    return _placed(root, replace(manifest, id=content_id(manifest)), contents)


def load_snapshot(path: Path, embedding_space: str | None = None) -> Snapshot:
    """Check everything, then serve.

    Raises:
        SpaceMismatch: the snapshot is not of `embedding_space`; both are named.
        SnapshotError: a file is missing or altered, counts disagree, or people do not find themselves.
    """
    manifest = read_manifest(path)
    if embedding_space is not None:
        require_same_space(f"snapshot {manifest.id}", manifest.space.name, embedding_space)
    check_names(path, manifest)
    for name in sorted(FILES):
        check_file(path, manifest, name)
    snapshot = Snapshot(manifest, open_index(path, manifest), read_calibration(path))
    self_test(snapshot.index, manifest.space.name)
    return snapshot


def verify_snapshot(path: Path) -> list[Check]:
    """Every check of `load_snapshot` with its result; those that need a file which failed are left out."""
    try:
        manifest = read_manifest(path)
        check_names(path, manifest)
    except SnapshotError as err:
        return [Check(MANIFEST, str(err))]
    checks = [_tried(name, partial(check_file, path, manifest, name)) for name in sorted(FILES)]
    if all(check.problem is None for check in checks):
        checks.append(_tried("thresholds", partial(read_calibration, path)))
        checks.append(_tried("people and vectors", partial(open_index, path, manifest)))
        if checks[-1].problem is None:
            index = open_index(path, manifest)
            checks.append(_tried("self-test", partial(self_test, index, manifest.space.name)))
    return [Check(MANIFEST), *checks]


def _tried(name: str, step: Callable[[], object]) -> Check:
    try:
        step()
    except SnapshotError as err:
        return Check(name, str(err))
    return Check(name)


def _contents(
    photos: Mapping[str, Vectors], people: Sequence[EnrolledPerson], synthetic: SyntheticPeople
) -> dict[str, bytes]:
    synthetic_vectors, synthetic_people = synthetic
    everyone = [*people, *synthetic_people]
    try:
        check_people(everyone, len(people) + len(synthetic_vectors))
    except ValueError as err:
        raise InputError(f"the synthetic people do not fit the gallery: {err}") from err
    if not all(p.synthetic for p in synthetic_people):
        raise InputError("people without the synthetic flag were given as synthetic: enrol real people instead")
    return {
        VECTORS: pack_vectors(np.stack([fuse(vectors) for vectors in photos.values()])),
        SYNTHETIC: pack_vectors(synthetic_vectors),
        PEOPLE: pack_people(everyone),
        CALIBRATION: calibration_to_json(impostor_table(photos)),
    }


def _placed(root: Path, manifest: Manifest, contents: Mapping[str, bytes]) -> Path:
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    target = root / manifest.id
    if target.exists():
        load_snapshot(target)
        return target
    aside = Path(tempfile.mkdtemp(prefix=".building-", dir=root))
    try:
        for name, content in contents.items():
            write_durably(aside / name, content)
        write_durably(aside / MANIFEST, manifest_to_json(manifest))
        load_snapshot(aside)
        aside.rename(target)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
    flush_folder(root)
    return target
