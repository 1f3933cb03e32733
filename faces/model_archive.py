"""A pack's files out of a zip or a folder that nobody vouches for yet: plain files of few kinds, bounded, flat."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from hadir.core.errors import PackError

__all__ = ["LICENCE_NAMES", "MOST_UNPACKED_BYTES", "copy_folder", "read_member", "unpack"]

KINDS = frozenset({".onnx", ".json", ".npz", ".npy", ".md", ".txt"})
LICENCE_NAMES = ("MODEL.LICENSE", "LICENSE", "LICENSE.txt", "LICENSE.md", "LICENCE", "LICENCE.txt", "LICENCE.md")
PLAIN_NAMES = frozenset({*LICENCE_NAMES, "NOTICE"})

MOST_FILES = 64
MOST_UNPACKED_BYTES = 2 << 30
MOST_EXPANSION = 100
"""Weights hardly compress (buffalo_l: 1.1 times); what expands more than this is a bomb and no model."""

_CHUNK_BYTES = 1 << 20


def unpack(archive: Path, into: Path) -> list[str]:
    """Write the files of a zip to the folder `into`, which is empty, and return their names.

    Folders within are taken off: some packs have one around all files, some have none, and no two files share a name.

    Raises:
        PackError: it is no whole zip, or holds something that a pack does not: a path that leads out, a link, a folder
            within, an unknown kind of file, too many, too much. `into` may then hold some of the files.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, archive)
            for name, member in members.items():
                with opened.open(member) as source:
                    _copy(source, into / name, member.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as err:
        raise PackError(f"{archive.name} is not a whole zip: {err}; fetch it again") from err
    return sorted(members)


def copy_folder(source: Path, into: Path) -> list[str]:
    """Copy the files of a pack, by their kinds, out of a folder to `into`; what else lies there stays behind.

    Links to files are followed: the folder is the operator's own, and caches of models are made of them.

    Raises:
        PackError: there is nothing to copy, or too much.
    """
    paths = sorted(path for path in source.iterdir() if path.is_file() and _is_expected(path.name))
    sizes = [path.stat().st_size for path in paths]
    _bound(str(source), len(paths), sum(sizes))
    for path, size in zip(paths, sizes, strict=True):
        with path.open("rb") as opened:
            _copy(opened, into / path.name, size)
    return [path.name for path in paths]


def read_member(archive: Path, names: tuple[str, ...], most_bytes: int) -> tuple[str, bytes] | None:
    """The first of `names` that a zip holds, with at most `most_bytes` of it. Raises PackError as `unpack`."""
    try:
        with zipfile.ZipFile(archive) as opened:
            members = _members(opened, archive)
            for name in names:
                if name in members:
                    with opened.open(members[name]) as source:
                        return name, source.read(most_bytes)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as err:
        raise PackError(f"{archive.name} is not a whole zip: {err}; fetch it again") from err
    return None


def _members(opened: zipfile.ZipFile, archive: Path) -> dict[str, zipfile.ZipInfo]:
    """Every file of the zip by its plain name, after all checks that need no unpacking."""
    infos = [info for info in opened.infolist() if not info.is_dir()]
    _bound(archive.name, len(infos), sum(info.file_size for info in infos))
    members: dict[str, zipfile.ZipInfo] = {}
    for info in infos:
        name = _checked_path(info, archive).name
        if not _is_expected(name):
            raise PackError(f"{archive.name} holds {_shown(name)}, expected models, their manifest and licence alone")
        if name in members:
            raise PackError(f"{archive.name} holds {_shown(name)} twice: fetch it again, from its publisher")
        members[name] = info
    return members


def _checked_path(info: zipfile.ZipInfo, archive: Path) -> PurePosixPath:
    path = PurePosixPath(info.filename)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if (
        path.is_absolute()
        or ".." in path.parts
        or any(char in info.filename for char in "\\:\0")
        or kind not in {0, stat.S_IFREG}
        or info.flag_bits & 0x1
    ):
        raise PackError(
            f"{archive.name} holds {_shown(info.filename)}, a path that leads out, a link or something encrypted: "
            "do not use this archive"
        )
    if info.file_size > MOST_EXPANSION * max(info.compress_size, 1):
        raise PackError(
            f"{archive.name}: {_shown(info.filename)} says it unpacks from {info.compress_size} to {info.file_size} "
            f"bytes, more than {MOST_EXPANSION} times: that is no model, do not use this archive"
        )
    return path


def _bound(origin: str, files: int, size: int) -> None:
    if not 1 <= files <= MOST_FILES or size > MOST_UNPACKED_BYTES:
        raise PackError(
            f"{origin} holds {files} files of a pack with {size} bytes, expected 1 to {MOST_FILES} files and at most "
            f"{MOST_UNPACKED_BYTES} bytes"
        )


def _is_expected(name: str) -> bool:
    return name in PLAIN_NAMES or (Path(name).suffix.lower() in KINDS and not name.startswith("."))


def _copy(source: IO[bytes], target: Path, size: int) -> None:
    """Exactly `size` bytes, on the disk when it returns."""
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    with os.fdopen(handle, "wb") as file:
        written = 0
        for chunk in _chunks(source):
            written += len(chunk)
            if written > size:
                break
            file.write(chunk)
        if written != size:
            raise PackError(f"{target.name} has not the {size} bytes it should have: fetch or copy it again")
        file.flush()
        os.fsync(file.fileno())


def _chunks(source: IO[bytes]) -> Iterator[bytes]:
    while chunk := source.read(_CHUNK_BYTES):
        yield chunk


def _shown(name: str) -> str:
    return repr(name[:80])
