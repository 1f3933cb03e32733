"""Photos of cases: one file per content, whole or not there."""

from __future__ import annotations

import hashlib
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
