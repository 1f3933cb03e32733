"""Whose photo is which file: a folder per person, or a CSV of person and photo."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from hadir.app.csv_dialect import delimiter_of
from hadir.core.errors import InputError

__all__ = ["PersonPhoto", "list_photos"]

_SUFFIXES = {".jpg", ".jpeg", ".png", ".pgm"}
_MOST_CSV_BYTES = 64 << 20
_MOST_PERSON_BYTES = 64


@dataclass(frozen=True, slots=True)
class PersonPhoto:
    """One photo file of one person."""

    person: str
    path: Path


def list_photos(source: Path) -> list[PersonPhoto]:
    """All photos, by person and then by file name.

    `source` is a folder with one sub-folder per person (its name is the person id), or a CSV with columns
    `person,photo`, photo paths relative to the CSV.

    Raises:
        InputError: nothing there, a wrong layout, or a line that cannot be used; the message names it.
    """
    if source.is_dir():
        return _from_folder(source)
    if source.suffix.lower() == ".csv" and source.is_file():
        return _from_csv(source)
    raise InputError(f"{source} is neither a folder of photos per person nor a CSV file with columns person,photo")


def _from_folder(folder: Path) -> list[PersonPhoto]:
    photos = [
        PersonPhoto(place.name, path)
        for place in sorted(p for p in folder.iterdir() if p.is_dir())
        for path in sorted(place.iterdir())
        if path.suffix.lower() in _SUFFIXES
    ]
    if not photos:
        raise InputError(
            f"{folder} holds no photos: expected one sub-folder per person (its name is the person id) with JPEG, PNG "
            "or PGM files in it"
        )
    for photo in photos:
        _check_person(photo.person, photo.path.parent.name)
    return photos


def _from_csv(path: Path) -> list[PersonPhoto]:
    if path.stat().st_size > _MOST_CSV_BYTES:
        raise InputError(f"{path} is larger than 64 MiB: split it")
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter_of(file))
            if not {"person", "photo"} <= set(reader.fieldnames or ()):
                raise InputError(f"{path}: line 1 must name the columns person,photo")
            return [_from_row(path, reader.line_num, row) for row in reader]
    except csv.Error as error:
        raise InputError(f"{path} is not a CSV: {error}; expected text with columns person,photo") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text at byte {error.start}: save it as CSV UTF-8") from error


def _from_row(path: Path, line: int, row: dict[str, str | None]) -> PersonPhoto:
    person, photo = row.get("person") or "", row.get("photo") or ""
    _check_person(person, f"{path}: line {line}")
    place = path.parent / photo
    if not photo or not place.is_file():
        raise InputError(f"{path}: line {line}: there is no photo at '{photo}' (paths are relative to the CSV)")
    return PersonPhoto(person, place)


def _check_person(person: str, where: str) -> None:
    if not 1 <= len(person.encode()) <= _MOST_PERSON_BYTES:
        raise InputError(
            f"{where}: a person id has 1 to {_MOST_PERSON_BYTES} bytes, this one has {len(person.encode())}"
        )
