"""What is known about a stored pack: where it came from, under which licence, and what every file must be."""

from __future__ import annotations

import dataclasses
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from hadir.core.errors import PackError
from hadir.core.sealed_json import MOST_BYTES, seal, unseal
from hadir.faces.manifest import PackFile

__all__ = ["RECORD", "Archive", "FrontKind", "PackRecord", "read_checked", "read_record", "record_bytes"]

RECORD = "hadir-pack.json"
SCHEMA = 1

FrontKind = Literal["open", "own"]
"""What stands before a recogniser: the open pack's detector and mesh, or the pack's own detector."""


@dataclass(frozen=True, slots=True)
class Archive:
    """The file that a pack was unpacked from. `known_by`: who vouched for the digest; `nobody` at a first fetch without
    one, which pins it for the next."""

    sha256: str
    bytes: int
    known_by: Literal["lock", "pin", "operator", "nobody"]


@dataclass(frozen=True, slots=True)
class PackRecord:
    """One stored pack. `files` are all that it holds but the record itself, `left_out` what it came with and Hadir does
    not run. Times in milliseconds UTC. `licence_file` holds the licence's text where the pack brought one."""

    name: str
    source: str
    archive: Archive | None
    files: dict[str, PackFile]
    left_out: list[str]
    licence: str
    licence_file: str | None
    accepted_by: str
    accepted_at_ms: int
    front: FrontKind
    embedding_space: str
    dimension: int
    added_at_ms: int
    schema: int = SCHEMA


def record_bytes(record: PackRecord) -> bytes:
    """The sealed content of the record's file."""
    return seal(dataclasses.asdict(record))


def read_record(folder: Path) -> PackRecord | None:
    """The record in `folder`, None where there is none: a folder that nobody added to a store.

    Raises:
        PackError: it is unreadable, was altered, or is of another version.
    """
    path = folder / RECORD
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as err:
        raise PackError(f"{path} cannot be read ({err.strerror}): check the folder and its owner") from err
    try:
        record = msgspec.convert(unseal(content), PackRecord, strict=True)
    except (ValueError, msgspec.ValidationError) as err:
        raise PackError(f"{path} was altered: {err}; remove the pack and add it again (hadir models)") from err
    if record.schema != SCHEMA:
        raise PackError(f"{path} has schema {record.schema}, this version reads {SCHEMA}: use the Hadir that wrote it")
    return record


def read_checked(folder: Path, record: PackRecord) -> dict[str, bytes]:
    """The bytes of every recorded file, each checked against its checksum.

    Raises:
        PackError: a file is missing, altered, or there is one that the record does not list; the message names it.
    """
    try:
        there = {path.name for path in folder.iterdir()} - {RECORD}
        contents = {name: (folder / name).read_bytes() for name in sorted(record.files)}
    except OSError as err:
        name = Path(err.filename or folder).name
        raise PackError(f"pack {record.name}: {name} cannot be read ({err.strerror}): {_REMEDY}") from err
    if strange := sorted(there - record.files.keys()):
        raise PackError(f"pack {record.name} holds {strange[0]}, which its record does not list: {_REMEDY}")
    for name, content in contents.items():
        expected = record.files[name]
        if len(content) != expected.bytes or (digest := hashlib.sha256(content).hexdigest()) != expected.sha256:
            found = f"{len(content)} bytes" if len(content) != expected.bytes else f"SHA-256 {digest[:16]}…"
            raise PackError(f"pack {record.name}: {name} was altered, it has {found}: {_REMEDY}")
    return contents


_REMEDY = "remove the pack and add it again (hadir models)"
