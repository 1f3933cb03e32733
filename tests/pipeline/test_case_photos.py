"""Photos of cases: one file per content, whole or not there, under the site's key."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from hadir.core.errors import GalleryError, StoreUnavailable
from hadir.index.envelope import KEY_BYTES, Envelope, is_sealed
from hadir.index.storage import Storage
from hadir.pipeline.case_photos import CasePhotos

KEY = Envelope(b"k" * KEY_BYTES)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_a_photo_lies_under_its_digest(tmp_path: Path) -> None:
    store = CasePhotos(Storage(tmp_path.as_uri()))
    [digest] = store.keep([b"photo"])
    assert digest == hashlib.sha256(b"photo").hexdigest()
    assert (tmp_path / digest[:2] / digest).read_bytes() == b"photo"
    assert store.read(digest) == b"photo"


def test_a_photo_that_is_not_kept_is_none(tmp_path: Path) -> None:
    assert CasePhotos(Storage(tmp_path)).read("a" * 64) is None


def test_keeping_again_changes_nothing(tmp_path: Path) -> None:
    store = CasePhotos(Storage(tmp_path))
    store.keep([b"photo"])
    before = {path: path.stat().st_mtime_ns for path in _files(tmp_path)}
    store.keep([b"photo", b"photo"])
    assert {path: path.stat().st_mtime_ns for path in _files(tmp_path)} == before


def test_a_store_that_refuses_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        CasePhotos(Storage(tmp_path / "file" / "below")).keep([b"photo"])


def test_with_a_key_nobody_sees_the_face_on_the_disk(tmp_path: Path) -> None:
    store = CasePhotos(Storage(tmp_path, KEY))
    [digest] = store.keep([b"photo"])
    [file] = _files(tmp_path)
    assert is_sealed(file.read_bytes())
    assert b"photo" not in file.read_bytes()
    assert store.read(digest) == b"photo"


def test_an_altered_photo_is_refused(tmp_path: Path) -> None:
    store = CasePhotos(Storage(tmp_path))
    [digest] = store.keep([b"photo"])
    _files(tmp_path)[0].write_bytes(b"other")
    with pytest.raises(GalleryError, match="altered"):
        store.read(digest)


def test_a_sweep_takes_only_old_photos_that_no_row_names(tmp_path: Path) -> None:
    store = CasePhotos(Storage(tmp_path))
    named, orphan, fresh = store.keep([b"named", b"orphan", b"fresh"])
    half = tmp_path / orphan[:2] / f".{orphan}.0a1b.tmp"
    half.write_bytes(b"or")
    for path in (tmp_path / named[:2] / named, tmp_path / orphan[:2] / orphan, half):
        os.utime(path, (1_000, 1_000))
    assert store.sweep({named}, before_ms=2_000_000) == 2
    assert {path.name for path in _files(tmp_path)} == {named, fresh}


def test_there_is_nothing_to_sweep_where_nothing_was_kept(tmp_path: Path) -> None:
    assert CasePhotos(Storage(tmp_path / "none")).sweep((), before_ms=10**15) == 0


def test_faces_are_for_their_owner_alone(tmp_path: Path) -> None:
    CasePhotos(Storage(tmp_path / "cases")).keep([b"photo"])
    [path] = _files(tmp_path)
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
