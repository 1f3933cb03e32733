"""Which parts a gallery consists of: one small sealed JSON file, replaced in one step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from hadir.core.errors import GalleryError
from hadir.core.sealed_json import seal, unseal
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage

__all__ = ["LIST", "Part", "read_bounded", "read_list", "write_list"]

SCHEMA = 2
LIST = "gallery.json"
MOST_LIST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of the gallery; `file` is a bare name."""

    file: str
    rows: int
    sha256: str


def read_bounded(storage: Storage, name: str, most_bytes: int) -> bytes:
    """The file's bytes. Raises GalleryError: not there, or more than `most_bytes`."""
    content = storage.read(name, most_bytes)
    if content is None:
        raise GalleryError(f"{storage.uri}/{name} is not there: restore it from a backup, or enrol anew")
    if len(content) > most_bytes:
        raise GalleryError(f"{storage.uri}/{name} has more than {most_bytes} bytes: it was not written by Hadir")
    return content


def read_list(storage: Storage) -> tuple[EmbeddingSpace, list[Part]]:
    """The gallery's space and its parts. Raises GalleryError: missing, altered, or not such a list."""
    content = read_bounded(storage, LIST, MOST_LIST_BYTES)
    place = f"{storage.uri}/{LIST}"
    try:
        document = unseal(content, MOST_LIST_BYTES)
        if document["schema"] != SCHEMA:
            raise GalleryError(f"{place} has schema {document['schema']}, this version reads {SCHEMA}")
        space = EmbeddingSpace(**document["space"])
        parts = [Part(**part) for part in document["parts"]]
        if any(Path(part.file).name != part.file for part in parts):
            raise ValueError("a part lies outside the gallery")
    except (ValueError, KeyError, TypeError) as err:
        raise GalleryError(f"{place} was altered, or is no list of template parts: restore it from a backup") from err
    return space, parts


def write_list(storage: Storage, space: EmbeddingSpace, parts: Sequence[Part]) -> None:
    """Replace the list in one step: from now on these parts are the gallery."""
    document = {"schema": SCHEMA, "space": asdict(space), "parts": [asdict(part) for part in parts]}
    storage.write(LIST, seal(document))
