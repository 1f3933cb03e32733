"""What is taken out of a zip or a folder, and what is refused by name."""

from __future__ import annotations

import stat
import zipfile
from pathlib import Path

import pytest

from hadir.core.errors import PackError
from hadir.faces.model_archive import copy_folder, read_member, unpack


@pytest.fixture
def into(tmp_path: Path) -> Path:
    (tmp_path / "into").mkdir()
    return tmp_path / "into"


def zipped(path: Path, members: dict[str | zipfile.ZipInfo, bytes], method: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    return tmp_path / "pack.zip"


@pytest.mark.parametrize("folder", ["", "antelopev2/", "a/b/"])
def test_files_come_out_flat_with_and_without_a_folder_around_them(archive: Path, into: Path, folder: str) -> None:
    zipped(archive, {f"{folder}rec.onnx": b"one", f"{folder}LICENSE": b"two"})
    assert unpack(archive, into) == ["LICENSE", "rec.onnx"]
    assert ((into / "rec.onnx").read_bytes(), (into / "LICENSE").read_bytes()) == (b"one", b"two")


@pytest.mark.parametrize(
    "name", ["../x.onnx", "/etc/x.onnx", "a/../../x.onnx", "..\\x.onnx", "C:x.onnx", "pack/../x.onnx"]
)
def test_a_path_that_leads_out_is_refused_and_writes_nothing(archive: Path, into: Path, name: str) -> None:
    zipped(archive, {"rec.onnx": b"fine", name: b"evil"})
    with pytest.raises(PackError, match="a path that leads out"):
        unpack(archive, into)
    assert list(into.iterdir()) == []
    assert not list(into.parent.glob("**/x.onnx"))


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_what_is_no_plain_file_is_refused(archive: Path, into: Path, kind: int) -> None:
    member = zipfile.ZipInfo("rec.onnx")
    member.external_attr = (kind | 0o777) << 16
    zipped(archive, {member: b"/etc/passwd"})
    with pytest.raises(PackError, match="a link"):
        unpack(archive, into)


@pytest.mark.parametrize("name", ["run.py", "weights.pkl", "a/b/rec.so", ".hidden.onnx", "rec.onnx.sh"])
def test_other_kinds_of_files_are_refused_by_name(archive: Path, into: Path, name: str) -> None:
    zipped(archive, {"rec.onnx": b"fine", name: b"?"})
    with pytest.raises(PackError, match=Path(name).name.replace(".", r"\.")):
        unpack(archive, into)


def test_a_bomb_is_refused_before_it_is_unpacked(archive: Path, into: Path) -> None:
    zipped(archive, {"rec.onnx": bytes(50_000_000)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(PackError, match="more than 100 times"):
        unpack(archive, into)
    assert list(into.iterdir()) == []


def test_a_bomb_that_lies_about_its_size_is_stopped_at_what_it_said(archive: Path, into: Path) -> None:
    zipped(archive, {"rec.onnx": bytes(5_000_000)}, zipfile.ZIP_DEFLATED)
    content = archive.read_bytes()
    archive.write_bytes(content.replace((5_000_000).to_bytes(4, "little"), (50_000).to_bytes(4, "little")))
    with pytest.raises(PackError):
        unpack(archive, into)
    assert sum(path.stat().st_size for path in into.iterdir()) <= 50_000


def test_too_much_in_all_is_refused(archive: Path, into: Path) -> None:
    zipped(archive, {"a.onnx": bytes(60), "b.onnx": bytes(60)})
    archive.write_bytes(archive.read_bytes().replace((60).to_bytes(4, "little"), (0x7FFFFFFF).to_bytes(4, "little")))
    with pytest.raises(PackError, match="with 4294967294 bytes"):
        unpack(archive, into)


@pytest.mark.parametrize("count", [0, 65])
def test_no_files_and_too_many_are_refused(archive: Path, into: Path, count: int) -> None:
    zipped(archive, {f"{number}.onnx": b"?" for number in range(count)})
    with pytest.raises(PackError, match="expected 1 to 64 files"):
        unpack(archive, into)


def test_the_same_name_in_two_folders_is_refused(archive: Path, into: Path) -> None:
    zipped(archive, {"a/rec.onnx": b"one", "b/rec.onnx": b"two"})
    with pytest.raises(PackError, match=r"'rec\.onnx' twice"):
        unpack(archive, into)


def test_the_same_name_twice_is_refused(archive: Path, into: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("rec.onnx", b"one")
        opened.writestr("rec.onnx", b"two")
    with pytest.raises(PackError, match="twice"):
        unpack(archive, into)


def test_an_altered_byte_is_found_by_the_zips_own_checksum(archive: Path, into: Path) -> None:
    zipped(archive, {"rec.onnx": b"A" * 1000})
    archive.write_bytes(archive.read_bytes().replace(b"A" * 1000, b"A" * 999 + b"B"))
    with pytest.raises(PackError, match="is not a whole zip"):
        unpack(archive, into)


def test_half_a_zip_and_no_zip_are_refused(archive: Path, into: Path) -> None:
    content = zipped(archive, {"rec.onnx": b"A" * 1000}).read_bytes()
    for part in (content[:500], b"<html>not found</html>", b""):
        archive.write_bytes(part)
        with pytest.raises(PackError, match="is not a whole zip"):
            unpack(archive, into)


def test_an_encrypted_member_is_refused(archive: Path, into: Path) -> None:
    content = bytearray(zipped(archive, {"rec.onnx": b"one"}).read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(content)
    with pytest.raises(PackError, match="encrypted"):
        unpack(archive, into)


def test_of_a_folder_the_files_of_a_pack_are_copied_and_nothing_else(tmp_path: Path, into: Path) -> None:
    source = tmp_path / "source"
    (source / "below").mkdir(parents=True)
    for name in ("rec.onnx", "notes.sh", ".cache.json", "below/other.onnx"):
        (source / name).write_bytes(name.encode())
    (source / "linked.onnx").symlink_to(source / "below" / "other.onnx")
    assert copy_folder(source, into) == ["linked.onnx", "rec.onnx"]
    assert (into / "linked.onnx").read_bytes() == b"below/other.onnx"
    assert not (into / "linked.onnx").is_symlink()


def test_a_folder_without_a_pack_is_refused(tmp_path: Path, into: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(PackError, match="holds 0 files of a pack"):
        copy_folder(tmp_path / "empty", into)


def test_the_licence_can_be_read_without_unpacking(archive: Path) -> None:
    zipped(archive, {"pack/rec.onnx": b"one", "pack/LICENSE": b"all rights"})
    assert read_member(archive, ("MODEL.LICENSE", "LICENSE"), 3) == ("LICENSE", b"all")
    assert read_member(archive, ("NOTICE",), 3) is None
