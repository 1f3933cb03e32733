"""A snapshot of the gallery as it is now: who changed, what is carried over, what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import GalleryError, SnapshotError, SpaceMismatch
from hadir.core.vectors import Vectors
from hadir.index import snapshot_build
from hadir.index.fresh_snapshot import Fresh, build_fresh
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.manifest import MANIFEST, Carried, content_id, read_manifest
from hadir.index.pointers import Pointers, promote, read_pointers, refresh, snapshot_ids
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.synthetic import Statistics, draw_people
from hadir.index.templates import Template

Make = Callable[..., Template]
Build = Callable[..., Fresh]

PEOPLE = 300


@pytest.fixture
def full(tmp_path: Path, faces: Callable[[int, int], Vectors], template: Make, space: EmbeddingSpace) -> Gallery:
    """300 people of one photo: three of them are one in a hundred."""
    store = open_gallery(tmp_path / "full", space)
    store.add([template(f"p{row:03d}", row, vector) for row, vector in enumerate(faces(PEOPLE, 1))], space.name)
    return store


@pytest.fixture
def root(tmp_path: Path, full: Gallery) -> Path:
    """A snapshot of them serves."""
    promote(tmp_path / "snapshots", build_snapshot(tmp_path / "snapshots", full, 1, "0").name)
    return tmp_path / "snapshots"


def served(root: Path, fresh: Fresh) -> Path:
    refresh(root, fresh.path.name, fresh.seen)
    return fresh.path


def people_of(path: Path) -> set[str]:
    return {one["person"] for one in json.loads((path / "people.json").read_bytes())}


def test_a_new_person_is_in_it_and_the_calibration_is_carried(root: Path, full: Gallery, template: Make) -> None:
    first = load_snapshot(root / str(read_pointers(root).current))
    full.add([template("new", 1000)], full.space.name)
    fresh = build_fresh(root, full, 2, "0")
    assert (fresh.changed, fresh.carried) == (1, Carried(first.manifest.id, PEOPLE, 1))
    snapshot = load_snapshot(served(root, fresh))
    assert "new" in people_of(fresh.path)
    assert snapshot.calibration == first.calibration
    assert snapshot.manifest.carried == fresh.carried


def test_beyond_one_in_a_hundred_it_is_outdated_and_beyond_two_not_carried(
    root: Path, full: Gallery, template: Make
) -> None:
    told: list[tuple[int | None, bool]] = []
    for number in range(7):
        full.add([template(f"new{number}", 1000 + number)], full.space.name)
        fresh = build_fresh(root, full, 2, "0")
        told.append((fresh.carried.changed if fresh.carried else None, fresh.outdated))
        served(root, fresh)
    assert told == [(1, False), (2, False), (3, False), (4, True), (5, True), (6, True), (None, False)]
    assert read_manifest(root / str(read_pointers(root).current)).carried is None


def test_a_calibration_is_measured_anew_where_that_is_asked_for(root: Path, full: Gallery, template: Make) -> None:
    full.add([template("new", 1000)], full.space.name)
    served(root, build_fresh(root, full, 2, "0"))
    fresh = build_fresh(root, full, 2, "0", measure=True)
    assert (fresh.changed, fresh.carried, fresh.outdated) == (0, None, False)
    assert fresh.path.name != read_pointers(root).current


def test_a_snapshot_of_somebody_who_was_erased_meanwhile_does_not_stay(
    tmp_path: Path, full: Gallery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The erasure looked for snapshots before this one was there."""

    def place_and_erase(*arguments: object) -> Path:
        path = placed(*arguments)  # type: ignore[arg-type]  # whatever it is given
        full.remove("p007")
        return path

    placed = snapshot_build._placed
    monkeypatch.setattr(snapshot_build, "_placed", place_and_erase)
    with pytest.raises(GalleryError, match="1 people were erased while their snapshot was built"):
        build_snapshot(tmp_path / "s", full, 1, "0")
    assert snapshot_ids(tmp_path / "s") == []


def test_another_photo_of_a_person_is_a_change(root: Path, full: Gallery, template: Make) -> None:
    full.add([template("p000", 1000)], full.space.name)
    assert build_fresh(root, full, 2, "0").changed == 1


def test_nothing_changed_is_the_snapshot_that_serves(root: Path, full: Gallery) -> None:
    fresh = build_fresh(root, full, 2, "0")
    assert (fresh.path.name, fresh.changed) == (read_pointers(root).current, 0)


def test_an_erased_person_is_gone(root: Path, full: Gallery) -> None:
    full.remove("p007")
    fresh = build_fresh(root, full, 2, "0", erased={"p007"})
    assert "p007" not in people_of(fresh.path)
    assert len(people_of(fresh.path)) == PEOPLE - 1


def test_nobody_is_put_out_who_was_not_meant_to_be(root: Path, full: Gallery) -> None:
    full.remove("p007")
    full.remove("p008")
    with pytest.raises(SnapshotError, match="1 people of the snapshot that serves are not in the gallery"):
        build_fresh(root, full, 2, "0", erased={"p007"})


def test_the_last_person_leaves_a_snapshot_of_nobody(tmp_path: Path, space: EmbeddingSpace, template: Make) -> None:
    store, root = open_gallery(tmp_path / "one", space), tmp_path / "s"
    store.add([template("only", 1)], space.name)
    promote(root, build_snapshot(root, store, 1, "0").name)
    store.remove("only")
    with pytest.raises(SnapshotError, match="1 people"):
        build_fresh(root, store, 2, "0")
    fresh = build_fresh(root, store, 2, "0", erased={"only"})
    assert people_of(fresh.path) == set()
    assert not fresh.outdated, "nobody is left to measure"
    promote(root, fresh.path.name)
    assert build_fresh(root, store, 3, "0", erased={"only"}, measure=True).path == fresh.path
    store.add([template("new", 2)], space.name)
    assert people_of(build_fresh(root, store, 4, "0").path) == {"new"}


def test_synthetic_people_stay(tmp_path: Path, full: Gallery, template: Make) -> None:
    root = tmp_path / "s"
    promote(
        root,
        build_snapshot(
            root, full, 1, "0", synthetic=draw_people(Statistics(np.full(16, 0.2), np.eye(16) * 0.01), 5, 0)
        ).name,
    )
    full.add([template("new", 1000)], full.space.name)
    manifest = read_manifest(build_fresh(root, full, 2, "0").path)
    assert (manifest.people, manifest.synthetic) == (PEOPLE + 1, 5)


def test_a_gallery_of_another_space_is_refused(tmp_path: Path, root: Path, space: EmbeddingSpace) -> None:
    other = open_gallery(tmp_path / "other", replace(space, name="space-b"))
    with pytest.raises(SpaceMismatch, match=r"space-a.*space-b"):
        build_fresh(root, other, 2, "0")


def test_without_a_snapshot_that_serves_there_is_nothing_to_freshen(tmp_path: Path, full: Gallery) -> None:
    with pytest.raises(SnapshotError, match="hadir index build"):
        build_fresh(tmp_path / "none", full, 2, "0")


def test_what_one_can_go_back_to_stays_when_people_come_and_go(root: Path, full: Gallery, template: Make) -> None:
    first = str(read_pointers(root).current)
    full.add([template("new", 1000)], full.space.name)
    second = build_snapshot(root, full, 2, "0").name
    promote(root, second)
    full.add([template("newer", 1001)], full.space.name)
    third = served(root, build_fresh(root, full, 3, "0")).name
    assert read_pointers(root) == Pointers(third, None, first, 3)


def test_a_change_that_others_overtook_is_refused(root: Path, full: Gallery, template: Make) -> None:
    full.add([template("new", 1000)], full.space.name)
    fresh = build_fresh(root, full, 2, "0")
    promote(root, build_snapshot(root, full, 2, "0").name)
    with pytest.raises(SnapshotError, match="meanwhile"):
        refresh(root, fresh.path.name, fresh.seen)


def test_a_manifest_without_the_field_keeps_its_id(root: Path) -> None:
    """Snapshots that were built before calibrations could be carried."""
    path = root / str(read_pointers(root).current)
    manifest = read_manifest(path)
    assert content_id(manifest) == manifest.id
    assert content_id(replace(manifest, carried=Carried("0" * 16, 1, 0))) != manifest.id
    assert b'"carried": null' in (path / MANIFEST).read_bytes()


def test_erasures_never_take_away_a_threshold(
    tmp_path: Path, faces: Callable[[int, int], Vectors], template: Make, space: EmbeddingSpace
) -> None:
    """60 people support 1e-2 (3,540 comparisons, 3,000 are wanted), 50 do not (2,450)."""
    store, root = open_gallery(tmp_path / "sixty", space), tmp_path / "s"
    store.add([template(f"p{row:02d}", row, vector) for row, vector in enumerate(faces(60, 1))], space.name)
    promote(root, build_snapshot(root, store, 1, "0").name)
    for number in range(10):
        store.remove(f"p{number:02d}")
        fresh = build_fresh(root, store, 2, "0", erased={f"p{number:02d}"})
        served(root, fresh)
        assert load_snapshot(fresh.path).calibration.table.get("1e-2", "1/1") is not None
    assert len(people_of(fresh.path)) == 50
    assert fresh.carried is not None
    assert fresh.carried.people >= 56, "the last at which it could be measured: 56 x 55 comparisons"
    before = set(snapshot_ids(root))
    assert build_fresh(root, store, 3, "0", measure=True).path == fresh.path, "measured, and worth less"
    assert set(snapshot_ids(root)) == before
