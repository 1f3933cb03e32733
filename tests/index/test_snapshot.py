from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import InputError, SnapshotError, SpaceMismatch
from hadir.core.vectors import Vectors, fuse
from hadir.index.calibration import impostor_table
from hadir.index.faiss_vectors import FlatVectors, flat_vectors, pack_vectors
from hadir.index.flat import FlatIndex
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.manifest import content_id, manifest_to_json, read_manifest
from hadir.index.people import EnrolledPerson, people_to_json
from hadir.index.snapshot import load_snapshot, verify_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.snapshot_checks import FILES, self_test
from hadir.index.space import EmbeddingSpace
from hadir.index.synthetic import Statistics, draw_people
from hadir.index.templates import Template, by_person

FLAT = pack_vectors(np.eye(16, dtype=np.float32)[:12])
BUILT_AT_MS = 1_700_000_000_000
VERSION, NEWER = "0.1", "0.2"


@pytest.fixture(scope="module")
def statistics() -> Statistics:
    return Statistics(np.full(16, 0.2), np.eye(16) * 0.01)


@pytest.fixture
def snapshot(tmp_path: Path, gallery: Gallery, statistics: Statistics) -> Path:
    return build_snapshot(
        tmp_path / "snapshots", gallery, BUILT_AT_MS, VERSION, synthetic=draw_people(statistics, 5, seed=1)
    )


def test_manifest_says_what_is_in_it_and_where_it_came_from(snapshot: Path, space: EmbeddingSpace) -> None:
    manifest = read_manifest(snapshot)
    assert snapshot.name == manifest.id
    assert manifest.space == space
    assert (manifest.people, manifest.templates, manifest.synthetic) == (12, 36, 5)
    assert (manifest.created_at_ms, manifest.hadir_version) == (BUILT_AT_MS, VERSION)


def test_everyone_is_served_with_the_fused_template_of_all_their_photos(snapshot: Path, gallery: Gallery) -> None:
    index = load_snapshot(snapshot, "space-a").index
    for person, photos in by_person(gallery.templates()).items():
        (result,) = index.search(fuse(photos)[None, :], [person], "space-a")
        assert result.claimed is not None
        assert result.claimed.similarity == pytest.approx(1, abs=1e-5)
        assert (result.claimed.photos, result.claimed.synthetic) == (3, False)


def test_synthetic_people_are_flagged_and_never_calibrated_with(snapshot: Path, gallery: Gallery) -> None:
    loaded = load_snapshot(snapshot)
    assert [p.synthetic for p in loaded.index.people] == [False] * 12 + [True] * 5
    assert replace(loaded.calibration, normalisation=None) == impostor_table(by_person(gallery.templates()))


def test_the_same_content_is_the_same_id_whenever_it_is_built(
    snapshot: Path, gallery: Gallery, statistics: Statistics, tmp_path: Path
) -> None:
    again = build_snapshot(
        tmp_path / "elsewhere", gallery, BUILT_AT_MS + 1, NEWER, synthetic=draw_people(statistics, 5, 1)
    )
    other = build_snapshot(
        tmp_path / "elsewhere", gallery, BUILT_AT_MS, VERSION, synthetic=draw_people(statistics, 5, 2)
    )
    assert again.name == snapshot.name
    assert other.name != snapshot.name
    for name in FILES:
        assert (again / name).read_bytes() == (snapshot / name).read_bytes()


def test_building_what_is_there_writes_nothing(snapshot: Path, gallery: Gallery, statistics: Statistics) -> None:
    before = {path: path.stat().st_mtime_ns for path in snapshot.parent.rglob("*")}
    assert build_snapshot(snapshot.parent, gallery, 5, "9", synthetic=draw_people(statistics, 5, 1)) == snapshot
    assert {path: path.stat().st_mtime_ns for path in snapshot.parent.rglob("*")} == before


def test_building_over_a_damaged_snapshot_of_the_same_id_is_refused(
    snapshot: Path, gallery: Gallery, statistics: Statistics
) -> None:
    (snapshot / "people.json").write_bytes(b"")
    with pytest.raises(SnapshotError, match=r"people\.json"):
        build_snapshot(snapshot.parent, gallery, 5, "9", synthetic=draw_people(statistics, 5, 1))


def test_a_failed_build_leaves_nothing_behind(
    gallery: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", full_disk)
    with pytest.raises(OSError, match="No space"):
        build_snapshot(tmp_path / "snapshots", gallery, BUILT_AT_MS, "0.1.0")
    assert list((tmp_path / "snapshots").iterdir()) == []


def test_an_empty_gallery_cannot_be_served(tmp_path: Path, space: EmbeddingSpace) -> None:
    with pytest.raises(InputError, match="no templates"):
        build_snapshot(tmp_path / "s", open_gallery(tmp_path / "g", space), BUILT_AT_MS, "0.1.0")


def test_people_without_the_flag_are_not_taken_for_synthetic(
    tmp_path: Path, gallery: Gallery, statistics: Statistics
) -> None:
    vectors, people = draw_people(statistics, 2, 1)
    unflagged = [replace(p, synthetic=False) for p in people]
    with pytest.raises(InputError, match="synthetic flag"):
        build_snapshot(tmp_path / "s", gallery, BUILT_AT_MS, VERSION, synthetic=(vectors, unflagged))


def test_a_synthetic_person_cannot_take_a_real_ones_id(
    tmp_path: Path, gallery: Gallery, statistics: Statistics
) -> None:
    vectors, _ = draw_people(statistics, 1, 1)
    with pytest.raises(InputError, match="do not fit"):
        build_snapshot(
            tmp_path / "s", gallery, 1, VERSION, synthetic=(vectors, [EnrolledPerson("p00", 1, synthetic=True)])
        )


def test_a_snapshot_of_one_person_serves(
    tmp_path: Path, space: EmbeddingSpace, template: Callable[..., Template]
) -> None:
    store = open_gallery(tmp_path / "one", space)
    store.add([template("only", 1)], space.name)
    path = build_snapshot(tmp_path / "s", store, BUILT_AT_MS, "0.1.0")
    assert len(load_snapshot(path, space.name).index) == 1


def test_another_space_is_refused_by_both_names(snapshot: Path) -> None:
    with pytest.raises(SpaceMismatch, match=r"space-a.*space-b"):
        load_snapshot(snapshot, "space-b")


def test_a_sound_snapshot_passes_every_check(snapshot: Path) -> None:
    checks = verify_snapshot(snapshot)
    assert {check.problem for check in checks} == {None}
    assert {check.name for check in checks} == {
        "manifest.json",
        *FILES,
        "thresholds",
        "people and vectors",
        "self-test",
        "normalisation",
    }


@pytest.mark.parametrize("name", ["manifest.json", *sorted(FILES)])
def test_any_flipped_byte_is_found_and_the_file_and_remedy_named(snapshot: Path, name: str) -> None:
    original = (snapshot / name).read_bytes()
    for place in {0, 1, len(original) // 3, len(original) // 2, len(original) - 2}:
        content = bytearray(original)
        content[place] ^= 0x01
        (snapshot / name).write_bytes(content)
        with pytest.raises(SnapshotError, match=rf"{name}.*hadir index build"):
            load_snapshot(snapshot)
        assert [check.name for check in verify_snapshot(snapshot) if check.problem] == [name]


@pytest.mark.parametrize("name", ["manifest.json", *sorted(FILES)])
def test_a_missing_file_is_named(snapshot: Path, name: str) -> None:
    (snapshot / name).unlink()
    with pytest.raises(SnapshotError, match=name):
        load_snapshot(snapshot)
    assert [check.name for check in verify_snapshot(snapshot) if check.problem] == [name]


def test_a_truncated_file_is_named_with_both_sizes(snapshot: Path) -> None:
    path = snapshot / "vectors.faiss"
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(SnapshotError, match=r"vectors\.faiss has \d+ bytes, the manifest says \d+"):
        load_snapshot(snapshot)


def test_a_changed_count_breaks_the_seal(snapshot: Path) -> None:
    path = snapshot / "manifest.json"
    document = json.loads(path.read_text())
    document["people"] = 11
    path.write_text(json.dumps(document))
    with pytest.raises(SnapshotError, match="seal"):
        load_snapshot(snapshot)


def resealed(snapshot: Path, **files: bytes) -> None:
    """Exchange files and make every checksum, id and seal right again: only what they mean is then wrong."""
    manifest = read_manifest(snapshot)
    marks = dict(manifest.files)
    for name, content in files.items():
        file = {"people": "people.json", "vectors": "vectors.faiss", "calibration": "calibration.json"}[name]
        (snapshot / file).write_bytes(content)
        marks[file] = type(marks[file]).of(content)
    changed = replace(manifest, files=marks)
    (snapshot / "manifest.json").write_bytes(manifest_to_json(replace(changed, id=content_id(changed))))


def test_a_wrong_count_of_people_is_found_behind_right_checksums(snapshot: Path) -> None:
    people = [EnrolledPerson(f"p{n:02d}", 3) for n in range(11)] + [EnrolledPerson("s", 1, synthetic=True)] * 5
    resealed(snapshot, people=people_to_json(people))
    with pytest.raises(SnapshotError, match="12 real and 5 synthetic vectors for 16 people"):
        load_snapshot(snapshot)


def test_two_rows_of_one_person_are_found_behind_right_checksums(snapshot: Path) -> None:
    people = [EnrolledPerson("p00", 3)] * 12 + [EnrolledPerson(f"s{n}", 1, synthetic=True) for n in range(5)]
    resealed(snapshot, people=people_to_json(people))
    with pytest.raises(SnapshotError, match="fuse"):
        load_snapshot(snapshot)


@pytest.mark.parametrize("content", [b"", b"not an index", FLAT[:-4], FLAT[:30]])
def test_vectors_that_are_no_index_are_found_behind_right_checksums(snapshot: Path, content: bytes) -> None:
    resealed(snapshot, vectors=content)
    with pytest.raises(SnapshotError, match=r"vectors\.faiss"):
        load_snapshot(snapshot)


def test_vectors_of_another_dimension_are_found_behind_right_checksums(
    snapshot: Path, faces: Callable[[int, int], Vectors]
) -> None:
    short = faces(12, 1)[:, :8]
    resealed(snapshot, vectors=pack_vectors(short / np.linalg.norm(short, axis=1, keepdims=True)))
    with pytest.raises(SnapshotError, match="16 dimensions"):
        load_snapshot(snapshot)


def test_thresholds_that_are_none_are_found_behind_right_checksums(snapshot: Path) -> None:
    resealed(snapshot, calibration=b"{}")
    with pytest.raises(SnapshotError, match=r"calibration\.json"):
        load_snapshot(snapshot)
    assert [check.name for check in verify_snapshot(snapshot) if check.problem] == ["thresholds"]


def test_the_self_test_fails_where_the_search_does_not_find_people(faces: Callable[[int, int], Vectors]) -> None:
    vectors, people = faces(60, 1), [EnrolledPerson(f"p{n:02d}", 1) for n in range(60)]
    sound = flat_vectors(vectors)
    self_test(FlatIndex(sound, flat_vectors(vectors[:0]), people, "space-a"), "space-a")
    elsewhere = FlatVectors(flat_vectors(vectors[::-1].copy()).index, sound.matrix)
    with pytest.raises(SnapshotError, match="self-test"):
        self_test(FlatIndex(elsewhere, flat_vectors(vectors[:0]), people, "space-a"), "space-a")


def test_people_with_the_same_photo_do_not_fail_the_self_test(faces: Callable[[int, int], Vectors]) -> None:
    vectors, people = np.repeat(faces(1, 1), 30, axis=0), [EnrolledPerson(f"p{n:02d}", 1) for n in range(30)]
    self_test(FlatIndex(flat_vectors(vectors), flat_vectors(vectors[:0]), people, "space-a"), "space-a")


def test_an_old_snapshot_copied_elsewhere_still_serves(snapshot: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(snapshot, tmp_path / "copy")
    assert load_snapshot(copy).manifest == read_manifest(snapshot)


def test_vectors_are_mapped_read_only(snapshot: Path) -> None:
    vector = load_snapshot(snapshot).index.vector("p00")
    with pytest.raises(ValueError, match="read-only"):
        vector[0] = 0
