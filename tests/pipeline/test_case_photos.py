"""Photos of cases: one file per content, whole or not there."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest

from hadir.core.errors import ConfigError, StoreUnavailable
from hadir.pipeline.case_photos import CasePhotos


def test_a_photo_lies_under_its_digest(tmp_path: Path) -> None:
    store = CasePhotos(tmp_path.as_uri())
    [digest] = store.keep([b"photo"])
    assert digest == hashlib.sha256(b"photo").hexdigest()
    assert (tmp_path / digest[:2] / digest).read_bytes() == b"photo"


def test_keeping_again_changes_nothing(tmp_path: Path) -> None:
    store = CasePhotos(str(tmp_path))
    store.keep([b"photo"])
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    store.keep([b"photo", b"photo"])
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before


def test_half_a_photo_of_a_crash_is_written_over(tmp_path: Path) -> None:
    store = CasePhotos(str(tmp_path))
    digest = hashlib.sha256(b"photo").hexdigest()
    (tmp_path / digest[:2]).mkdir()
    (tmp_path / digest[:2] / f"{digest}.part").write_bytes(b"ph")
    store.keep([b"photo"])
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest]


def test_a_store_that_refuses_is_an_outage(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreUnavailable):
        CasePhotos(str(tmp_path / "file" / "below")).keep([b"photo"])


def test_an_address_of_no_file_system_is_refused() -> None:
    with pytest.raises(ConfigError, match="gopher"):
        CasePhotos("gopher://photos")


def test_a_sweep_takes_only_old_photos_that_no_row_names(tmp_path: Path) -> None:
    store = CasePhotos(str(tmp_path))
    named, orphan, fresh = store.keep([b"named", b"orphan", b"fresh"])
    half = tmp_path / orphan[:2] / f"{orphan}.part"
    half.write_bytes(b"or")
    for path in (store.path_of(named), store.path_of(orphan), str(half)):
        os.utime(path, (1_000, 1_000))
    assert store.sweep({named}, before_ms=2_000_000) == 2
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == sorted([named, fresh])


def test_there_is_nothing_to_sweep_where_nothing_was_kept(tmp_path: Path) -> None:
    assert CasePhotos(str(tmp_path / "none")).sweep((), before_ms=10**15) == 0


def test_faces_are_for_their_owner_alone(tmp_path: Path) -> None:
    store = CasePhotos(str(tmp_path / "cases"))
    [digest] = store.keep([b"photo"])
    path = Path(store.path_of(digest))
    assert [stat.S_IMODE(p.stat().st_mode) for p in (path, path.parent, path.parent.parent)] == [0o600, 0o700, 0o700]
