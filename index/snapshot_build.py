"""From a gallery to an immutable snapshot: fused, calibrated, written aside, checked, renamed into place.

Apart from `snapshot.py`, so that those who only serve one need neither the gallery nor its Parquet.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from hadir.core.errors import GalleryError, InputError
from hadir.core.vectors import Vectors, fuse
from hadir.index.calibrate import calibrate
from hadir.index.calibration import Calibration
from hadir.index.calibration_file import calibration_to_json
from hadir.index.durable import flush_folder, write_durably
from hadir.index.faiss_vectors import pack_vectors
from hadir.index.gallery import Gallery
from hadir.index.manifest import MANIFEST, Carried, FileMark, Manifest, content_id, manifest_to_json
from hadir.index.normalisation_choice import Mode
from hadir.index.people import EnrolledPerson, check_people, digests_of, people_to_json
from hadir.index.pointers import discard
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_checks import CALIBRATION, COHORTS, PEOPLE, SYNTHETIC, VECTORS
from hadir.index.template_cohorts import pack_statistics, template_statistics
from hadir.index.templates import by_person

__all__ = ["build_snapshot"]

SyntheticPeople = tuple[Vectors, Sequence[EnrolledPerson]]
"""As `draw_people` returns them: (N, D) vectors and who they are."""


def build_snapshot(
    root: Path,
    gallery: Gallery,
    created_at_ms: int,
    hadir_version: str,
    *,
    synthetic: SyntheticPeople | None = None,
    calibration: Calibration | None = None,
    carried: Carried | None = None,
    normalisation: Mode = "auto",
    accept_rate: str = "1e-3",
    on_cell: Callable[[str], None] | None = None,
    nobody: bool = False,
) -> Path:
    """Build from everything in `gallery`, plus `synthetic` people (`draw_people`), into `root/<id>`; return that path.

    The same content is the same id: where it is there already and sound, nothing is written. Calibration makes this
    take eleven seconds for 13,000 people of three photos, on one core, and 30 where scores are normalised; give a
    `calibration` (an earlier snapshot's, of this embedding space and nearly the same people) where that is too long,
    and say in `carried` whose it was. It brings its normalisation with it; the templates' own statistics are always
    new. Otherwise `normalisation`, `accept_rate` and `on_cell` are what `calibrate` takes. `nobody`: a gallery without
    anybody is no mistake, the last person was erased.

    Raises:
        InputError: the gallery is empty, or a synthetic person has a real one's id.
        GalleryError: the gallery is altered, or somebody was erased meanwhile.
        CalibrationError: normalisation was asked for with too few people.
        SnapshotError: a snapshot of this id is there and damaged.
    """
    templates = gallery.templates()
    photos = by_person(templates)
    if not photos and not nobody:
        raise InputError("the gallery holds no templates: enrol people first (hadir enroll)")
    digests = digests_of({t.id: t.person for t in templates})
    people = [EnrolledPerson(person, len(vectors), digest=digests[person]) for person, vectors in photos.items()]
    synthetic = synthetic or (np.empty((0, gallery.space.dimension), dtype=np.float32), ())
    if calibration is None:
        calibration = calibrate(photos, accept_rate, normalisation, on_cell)
    contents = _contents(photos, people, synthetic, calibration)
    manifest = Manifest(
        id="",
        space=gallery.space,
        people=len(people),
        templates=sum(p.photos for p in people),
        synthetic=len(synthetic[1]),
        files={name: FileMark.of(content) for name, content in contents.items()},
        created_at_ms=created_at_ms,
        hadir_version=hadir_version,
        carried=carried,
    )
    path = _placed(root, replace(manifest, id=content_id(manifest)), contents)
    _require_nobody_erased(root, path, gallery, photos)
    return path


def _require_nobody_erased(root: Path, path: Path, gallery: Gallery, people: Mapping[str, Vectors]) -> None:
    """An erasure deletes the snapshots that hold a person; one that was being built it did not see. So look again once
    it is in its place: whoever comes second finds the other."""
    if gone := len(people.keys() - set(gallery.owners().values())):
        discard(root, [path.name])
        raise GalleryError(
            f"{gone} people were erased while their snapshot was built, and it with them: build it again"
        )


def _contents(
    photos: Mapping[str, Vectors],
    people: Sequence[EnrolledPerson],
    synthetic: SyntheticPeople,
    calibration: Calibration,
) -> dict[str, bytes]:
    synthetic_vectors, synthetic_people = synthetic
    everyone = [*people, *synthetic_people]
    try:
        check_people(everyone, len(people) + len(synthetic_vectors))
    except ValueError as err:
        raise InputError(f"the synthetic people do not fit the gallery: {err}") from err
    if not all(p.synthetic for p in synthetic_people):
        raise InputError("people without the synthetic flag were given as synthetic: enrol real people instead")
    fused = np.empty((0, synthetic_vectors.shape[1]), dtype=np.float32)
    if photos:
        fused = np.stack([fuse(vectors) for vectors in photos.values()])
    contents = {
        VECTORS: pack_vectors(fused),
        SYNTHETIC: pack_vectors(synthetic_vectors),
        PEOPLE: people_to_json(everyone),
        CALIBRATION: calibration_to_json(calibration),
    }
    if calibration.normalisation is not None and calibration.normalisation.on:
        contents[COHORTS] = pack_statistics(template_statistics(fused, calibration.normalisation.k))
    return contents


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
