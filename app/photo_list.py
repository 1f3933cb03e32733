"""Whose photo is which file: a folder per person, or a CSV of person, photo, and on what ground it may be processed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hadir.attendance.csv_table import Row, read_table
from hadir.core.errors import ConfigError, InputError
from hadir.core.nip import is_nip
from hadir.index.templates import MOST_PERSON_BYTES

__all__ = ["MOST_PHOTO_BYTES", "PersonPhoto", "left_out", "list_photos", "may_be_photo", "read_photo"]

MOST_PHOTO_BYTES = 4 * 1024 * 1024
"""Of one photo, as on the wire (docs/wire-format.md)."""

_COLUMNS = ("person", "photo")
_OPTIONAL = ("legal_basis", "notice_version")
_NO_PHOTOS = {".csv", ".db", ".ini", ".json", ".md", ".txt"}
"""What lies beside photos and never is one. Under any other name the content decides, and is refused aloud."""


@dataclass(frozen=True, slots=True)
class PersonPhoto:
    """One photo file of one person; ground and notice as the CSV says, None where it does not."""

    person: str
    path: Path
    legal_basis: str | None = None
    notice_version: str | None = None


def list_photos(source: Path) -> list[PersonPhoto]:
    """All photos: of a folder by person and then by file name, of a CSV in its order.

    `source` is a folder with one sub-folder per person (its name is the person id), or a CSV with columns
    `person,photo[,legal_basis,notice_version]`, photo paths relative to the CSV.

    Raises:
        InputError: nothing there, a wrong layout, or lines that cannot be used; the message names them.
    """
    if source.is_dir():
        return _from_folder(source)
    if source.suffix.lower() != ".csv" or not source.is_file():
        raise InputError(f"{source} is neither a folder of photos per person nor a CSV file with columns person,photo")
    try:
        photos = read_table(source, _COLUMNS, _OPTIONAL, lambda row: _from_row(source.parent, row))
    except ConfigError as err:
        raise InputError(str(err)) from err
    if not photos:
        raise InputError(f"{source} has no rows: expected a photo in each, columns person,photo")
    return photos


def left_out(source: Path) -> int:
    """How many files under a folder `list_photos` passes over: hidden ones, lists and notes, and whatever does not lie
    directly in a person's sub-folder. Of a CSV, none."""
    if not source.is_dir():
        return 0
    listed = {photo.path for photo in list_photos(source)}
    return sum(path.is_file() and path not in listed for path in source.rglob("*"))


def may_be_photo(path: Path) -> bool:
    """Whether a file beside others is to be looked at: not a hidden one, nor a list or notes."""
    return path.is_file() and not path.name.startswith(".") and path.suffix.lower() not in _NO_PHOTOS


def read_photo(path: Path) -> bytes:
    """A photo's bytes, one more than the limit at most: the pack then says `photo_too_large`."""
    with path.open("rb") as file:
        return file.read(MOST_PHOTO_BYTES + 1)


def _from_folder(folder: Path) -> list[PersonPhoto]:
    photos = [
        PersonPhoto(place.name, path)
        for place in sorted(p for p in folder.iterdir() if p.is_dir())
        for path in sorted(place.iterdir())
        if may_be_photo(path)
    ]
    if not photos:
        raise InputError(
            f"{folder} holds no photos: expected one sub-folder per person (its name is the person id) with JPEG, PNG "
            "or PGM files in it"
        )
    for person in {photo.person for photo in photos}:
        size = len(person.encode())
        if size > MOST_PERSON_BYTES:
            raise InputError(
                f"a sub-folder's name has {size} bytes, expected a person id of 1 to {MOST_PERSON_BYTES}: rename it"
            )
        if is_nip(person):
            raise InputError(f"a sub-folder of {folder} is named by a NIP: name it by the roster's opaque person id")
    return photos


def _from_row(folder: Path, row: Row) -> PersonPhoto:
    person = row.identifier("person")
    if is_nip(person):
        raise row.bad("person", "the roster's opaque id, not the NIP")
    path = folder / row.get("photo")
    if not row.get("photo") or not path.is_file():
        raise row.bad("photo", "a file there is, its path relative to the CSV")
    return PersonPhoto(person, path, row.get("legal_basis") or None, row.get("notice_version") or None)
