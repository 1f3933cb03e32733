"""Under which licence a pack comes: what the lock says, else what the pack itself brings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hadir.core.errors import PackError
from hadir.faces.manifest import MANIFEST, read_manifest
from hadir.faces.model_archive import LICENCE_NAMES, read_member
from hadir.faces.model_lock import known_packs

__all__ = ["NOT_STATED", "Licence", "licence_of"]

NOT_STATED = "not stated; InsightFace's own models are for non-commercial research only"
MOST_TEXT_BYTES = 64 << 10
MOST_NAME_CHARS = 120


@dataclass(frozen=True, slots=True)
class Licence:
    """`name` in one line, and the text in `file` of the pack where it brings one."""

    name: str
    file: str | None = None
    text: str | None = None


def licence_of(name: str, source: Path) -> Licence:
    """The licence of the pack `name` in `source`, a folder or a zip.

    Raises:
        PackError: the zip is not one that a pack comes in.
    """
    file, text = _text_in(source)
    known = known_packs().get(name)
    if known is not None:
        return Licence(known.licence, file, text)
    stated = _stated_in_manifest(source) if source.is_dir() else None
    if stated is None and text is not None:
        stated = next((line.strip() for line in text.splitlines() if line.strip()), None)
    return Licence(stated[:MOST_NAME_CHARS] if stated else NOT_STATED, file, text)


def _text_in(source: Path) -> tuple[str | None, str | None]:
    if source.is_dir():
        paths = (source / name for name in LICENCE_NAMES)
        found = next(((path.name, _head(path)) for path in paths if path.is_file()), None)
    else:
        found = read_member(source, LICENCE_NAMES, MOST_TEXT_BYTES)
    return (None, None) if found is None else (found[0], found[1].decode("utf-8", "replace"))


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MOST_TEXT_BYTES)


def _stated_in_manifest(folder: Path) -> str | None:
    """What a pack of the open format says of itself."""
    try:
        return read_manifest(folder).licence if (folder / MANIFEST).is_file() else None
    except PackError:
        return None
