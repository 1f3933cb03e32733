"""A snapshot that normalises scores: one file more, checked like the others; one from before serves as it did."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import SnapshotError
from hadir.core.vectors import Vectors
from hadir.index.calibration import impostor_table
from hadir.index.calibration_file import calibration_to_json
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.manifest import MANIFEST, FileMark, content_id, manifest_to_json, read_manifest
from hadir.index.normalisation_choice import NEAREST
from hadir.index.snapshot import load_snapshot, verify_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.snapshot_checks import CALIBRATION, COHORTS, FILES
from hadir.index.space import EmbeddingSpace
from hadir.index.template_cohorts import pack_statistics
from hadir.index.templates import Template, by_person

PEOPLE = 70


@pytest.fixture
def many(
    tmp_path: Path, space: EmbeddingSpace, faces: Callable[[int, int], Vectors], template: Callable[..., Template]
) -> Gallery:
    store = open_gallery(tmp_path / "many", space)
    vectors = faces(PEOPLE, 2)
    store.add([template(f"p{row // 2:02d}", row, vectors[row]) for row in range(2 * PEOPLE)], space.name)
    return store


@pytest.fixture
def normalised(tmp_path: Path, many: Gallery) -> Path:
    return build_snapshot(tmp_path / "snapshots", many, 0, "0", normalisation="on")


def rewritten(snapshot: Path, name: str, content: bytes | None) -> None:
    """Replace or remove a file and make manifest, seal and id fit again: what only an honest check can find."""
    manifest = read_manifest(snapshot)
    files = {**manifest.files}
    if content is None:
        (snapshot / name).unlink()
        del files[name]
    else:
        (snapshot / name).write_bytes(content)
        files[name] = FileMark.of(content)
    manifest = replace(manifest, files=files)
    (snapshot / MANIFEST).write_bytes(manifest_to_json(replace(manifest, id=content_id(manifest))))


def test_the_claimed_person_is_served_with_a_z(normalised: Path, many: Gallery) -> None:
    loaded = load_snapshot(normalised)
    assert loaded.cohorts is not None
    assert (len(loaded.cohorts), loaded.cohorts.k) == (PEOPLE, NEAREST)
    probe = next(iter(by_person(many.templates()).values()))[:1]
    [answer] = loaded.index.search(probe, ["p00"], "space-a")
    normal = loaded.cohorts.normalised(answer)
    assert normal.claimed is not None
    assert normal.claimed.normalised is not None
    assert normal.claimed.normalised > max(other.normalised or 0.0 for other in normal.others)


def test_the_same_gallery_is_the_same_snapshot(normalised: Path, many: Gallery, tmp_path: Path) -> None:
    again = build_snapshot(tmp_path / "elsewhere", many, 1, "1", normalisation="on")
    assert again.name == normalised.name
    assert (again / COHORTS).read_bytes() == (normalised / COHORTS).read_bytes()


def test_off_is_another_snapshot_without_the_file(normalised: Path, many: Gallery, tmp_path: Path) -> None:
    plain = build_snapshot(tmp_path / "snapshots", many, 0, "0", normalisation="off")
    assert plain.name != normalised.name
    assert not (plain / COHORTS).exists()
    assert load_snapshot(plain).cohorts is None


def test_a_carried_calibration_brings_its_normalisation_and_new_statistics(
    normalised: Path,
    many: Gallery,
    tmp_path: Path,
    faces: Callable[[int, int, int], Vectors],
    template: Callable[..., Template],
) -> None:
    before = load_snapshot(normalised)
    many.add([template("q00", 900, faces(1, 1, 7)[0])], "space-a")
    after = load_snapshot(build_snapshot(tmp_path / "snapshots", many, 0, "0", calibration=before.calibration))
    assert after.calibration == before.calibration
    assert after.cohorts is not None
    assert len(after.cohorts) == PEOPLE + 1


def test_a_snapshot_from_before_normalisation_still_serves_by_cosines(many: Gallery, tmp_path: Path) -> None:
    old = build_snapshot(tmp_path / "old", many, 0, "0", calibration=impostor_table(by_person(many.templates())))
    document = json.loads((old / CALIBRATION).read_bytes())
    del document["normalisation"]
    rewritten(old, CALIBRATION, json.dumps({**document, "schema": 1}).encode())
    loaded = load_snapshot(old)
    assert set(loaded.manifest.files) == FILES
    assert (loaded.cohorts, loaded.calibration.normalisation) == (None, None)


def test_every_check_passes(normalised: Path) -> None:
    checks = verify_snapshot(normalised)
    assert {check.problem for check in checks} == {None}
    assert {COHORTS, "normalisation"} <= {check.name for check in checks}


def test_one_changed_byte_of_the_cohorts_is_refused_by_name(normalised: Path) -> None:
    content = bytearray((normalised / COHORTS).read_bytes())
    content[-1] ^= 1
    (normalised / COHORTS).write_bytes(content)
    with pytest.raises(SnapshotError, match=rf"{COHORTS} was altered"):
        load_snapshot(normalised)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cohorts without a calibration for them, or the reverse"),
        (b"nothing", r"cohorts\.npy cannot be used"),
        (pack_statistics(np.zeros((PEOPLE, 3), dtype=np.float32)), "cannot be used: it holds float32"),
        (pack_statistics(np.zeros((PEOPLE - 1, 2), dtype=np.float32)), "does not fit the people"),
    ],
)
def test_cohorts_that_do_not_fit_are_refused_even_with_a_fitting_manifest(
    normalised: Path, content: bytes | None, says: str
) -> None:
    rewritten(normalised, COHORTS, content)
    with pytest.raises(SnapshotError, match=says):
        load_snapshot(normalised)
    assert [check.problem for check in verify_snapshot(normalised) if check.problem][-1]


def test_cohorts_beside_a_calibration_that_does_not_normalise_are_refused(normalised: Path) -> None:
    plain = replace(load_snapshot(normalised).calibration, normalisation=None)
    rewritten(normalised, CALIBRATION, calibration_to_json(plain))
    with pytest.raises(SnapshotError, match="or the reverse"):
        load_snapshot(normalised)
