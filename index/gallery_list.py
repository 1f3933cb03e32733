"""Which parts a gallery consists of: one small JSON file, replaced in one step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hadir.core.errors import GalleryError
from hadir.index.durable import write_durably
from hadir.index.space import EmbeddingSpace

__all__ = ["LIST", "Part", "read_bounded", "read_list", "write_list"]

SCHEMA = 1
LIST = "gallery.json"
MOST_LIST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Part:
    """One Parquet file of the gallery; `file` is a bare name."""

    file: str
    rows: int
    sha256: str


def read_bounded(path: Path, most_bytes: int) -> bytes:
    """The file's bytes. Raises GalleryError: unreadable, or more than `most_bytes`."""
    try:
        with path.open("rb") as file:
            content = file.read(most_bytes + 1)
    except OSError as err:
        raise GalleryError(f"{path} cannot be read: restore it from a backup, or enrol anew") from err
    if len(content) > most_bytes:
        raise GalleryError(f"{path} has more than {most_bytes} bytes: it was not written by Hadir")
    return content


def read_list(root: Path) -> tuple[EmbeddingSpace, list[Part]]:
    """The gallery's space and its parts. Raises GalleryError: missing, or not such a list."""
    content = read_bounded(root / LIST, MOST_LIST_BYTES)
    try:
        document: dict[str, Any] = json.loads(content)
        if document["schema"] != SCHEMA:
            raise GalleryError(f"{root / LIST} has schema {document['schema']}, this version reads {SCHEMA}")
        space = EmbeddingSpace(**document["space"])
        parts = [Part(**part) for part in document["parts"]]
        if any(Path(part.file).name != part.file for part in parts):
            raise ValueError("a part lies outside the gallery")
    except (ValueError, KeyError, TypeError) as err:
        raise GalleryError(f"{root / LIST} is not a list of template parts: restore it from a backup") from err
    return space, parts


def write_list(root: Path, space: EmbeddingSpace, parts: Sequence[Part]) -> None:
    """Replace the list in one step: from now on these parts are the gallery."""
    document = {"schema": SCHEMA, "space": asdict(space), "parts": [asdict(part) for part in parts]}
    write_durably(root / LIST, (json.dumps(document, indent=1) + "\n").encode())
