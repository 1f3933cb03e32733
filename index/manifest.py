"""What a snapshot says about itself: identity, origin, counts, and the checksum of every file.

The id is made of the content (space, counts, checksums of the files), so that a gallery built twice gives one id, and a
ledger row that names it says what was searched. (Another processor may round a matrix product differently and move a
threshold by one step of its grid: then it is another content and another id.) The seal covers the rest of the manifest
too. Neither is a signature: they find accidents and half-copied folders, not an attacker who recomputes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hadir.core.errors import SnapshotError
from hadir.index.space import EmbeddingSpace

__all__ = ["MANIFEST", "REMEDY", "Carried", "FileMark", "Manifest", "content_id", "manifest_to_json", "read_manifest"]

SCHEMA = 1
MANIFEST = "manifest.json"
MOST_MANIFEST_BYTES = 1 << 20
ID_DIGITS = 16
REMEDY = "build the snapshot anew (hadir index build) or let another one serve"


@dataclass(frozen=True, slots=True)
class FileMark:
    """How a file must be found."""

    size_bytes: int
    sha256: str

    @classmethod
    def of(cls, content: bytes) -> FileMark:
        """The mark of this content."""
        return cls(len(content), hashlib.sha256(content).hexdigest())


@dataclass(frozen=True, slots=True)
class Carried:
    """The calibration was measured in another snapshot, `measured_in`; since then at most `changed` of its `people`
    came, left or have other photos (who changed twice counts twice)."""

    measured_in: str
    people: int
    changed: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """`people` are real; `templates` were fused into their vectors; `synthetic` people come on top. `carried` is None
    where the calibration was measured on these people."""

    id: str
    space: EmbeddingSpace
    people: int
    templates: int
    synthetic: int
    files: Mapping[str, FileMark]
    created_at_ms: int
    hadir_version: str
    carried: Carried | None = None


def content_id(manifest: Manifest) -> str:
    """The id that this content must have; it depends on neither `id`, `created_at_ms` nor `hadir_version`."""
    document = {"schema": SCHEMA, **asdict(manifest)}
    for name in ("id", "created_at_ms", "hadir_version"):
        del document[name]
    if document["carried"] is None:
        del document["carried"]
    return _digest(document)[:ID_DIGITS]


def manifest_to_json(manifest: Manifest) -> bytes:
    """Sealed bytes."""
    document = {"schema": SCHEMA, **asdict(manifest)}
    return (json.dumps({**document, "seal": _digest(document)}, indent=1, sort_keys=True) + "\n").encode()


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the snapshot in `folder`, seal and id checked.

    Raises:
        SnapshotError: missing, unreadable, altered, or of another schema.
    """
    path = folder / MANIFEST
    try:
        with path.open("rb") as file:
            document: dict[str, Any] = json.loads(file.read(MOST_MANIFEST_BYTES))
        if document["schema"] != SCHEMA:
            raise SnapshotError(f"{path} has schema {document['schema']}, this version reads {SCHEMA}: {REMEDY}")
        seal = document.pop("seal")
        if seal != _digest(document):
            raise SnapshotError(f"{path} was altered, its seal does not fit: {REMEDY}")
        manifest = _manifest(document)
    except OSError as err:
        raise SnapshotError(f"{path} cannot be read, there is no snapshot here: {REMEDY}") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise SnapshotError(f"{path} is not a snapshot's manifest: {REMEDY}") from err
    expected = content_id(manifest)
    if manifest.id != expected:
        raise SnapshotError(f"{path} names snapshot {manifest.id}, its content is {expected}: {REMEDY}")
    return manifest


def _manifest(document: Mapping[str, Any]) -> Manifest:
    fields = {key: value for key, value in document.items() if key != "schema"}
    fields["space"] = EmbeddingSpace(**document["space"])
    fields["carried"] = Carried(**document["carried"]) if document.get("carried") else None
    fields["files"] = {name: FileMark(**mark) for name, mark in document["files"].items()}
    return Manifest(**fields)


def _digest(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()
