from __future__ import annotations

from pathlib import Path

import pytest

from hadir.core.errors import SnapshotError
from hadir.index.current import resolve, serve
from hadir.index.gallery import Gallery
from hadir.index.snapshot_build import build_snapshot


@pytest.fixture
def snapshot(tmp_path: Path, gallery: Gallery) -> Path:
    return build_snapshot(tmp_path / "snapshots", gallery, 1, "0.1.0")


def test_what_serves_is_found_from_the_folder_of_snapshots(snapshot: Path) -> None:
    serve(snapshot.parent, snapshot.name)
    assert resolve(snapshot.parent) == snapshot


def test_a_snapshot_stands_for_itself(snapshot: Path) -> None:
    assert resolve(snapshot) == snapshot


def test_going_back_is_serving_the_one_before(snapshot: Path, gallery: Gallery) -> None:
    serve(snapshot.parent, snapshot.name)
    gallery.remove("p03")
    newer = build_snapshot(snapshot.parent, gallery, 2, "0.1.0")
    serve(snapshot.parent, newer.name)
    assert resolve(snapshot.parent) == newer
    serve(snapshot.parent, snapshot.name)
    assert resolve(snapshot.parent) == snapshot


def test_nothing_serves_until_one_is_named(snapshot: Path) -> None:
    with pytest.raises(SnapshotError, match="no snapshot serves"):
        resolve(snapshot.parent)


@pytest.mark.parametrize("wrong", ["0123456789abcdef", "../../etc", ""])
def test_naming_what_is_not_there_leaves_the_pointer_alone(snapshot: Path, wrong: str) -> None:
    serve(snapshot.parent, snapshot.name)
    with pytest.raises(SnapshotError):
        serve(snapshot.parent, wrong)
    assert resolve(snapshot.parent) == snapshot


@pytest.mark.parametrize("content", [b"", b"../elsewhere\n", b"\xff" * 16, b"0123456789abcdef\n"])
def test_a_pointer_to_nothing_is_refused(snapshot: Path, content: bytes) -> None:
    (snapshot.parent / "current").write_bytes(content)
    with pytest.raises(SnapshotError):
        resolve(snapshot.parent)


def test_a_damaged_manifest_cannot_be_made_to_serve(snapshot: Path) -> None:
    (snapshot / "manifest.json").write_text("{}")
    with pytest.raises(SnapshotError, match=r"manifest\.json"):
        serve(snapshot.parent, snapshot.name)
