"""What remains of an erasure: that it happened, when, by whom, why, and how much it was. No face, no name, no id.

One line of JSON before anything is removed and one after, only appended: a line that begins and never ends tells of an
erasure that was cut off and has to be asked for again.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from hadir.index.durable import flush_folder

__all__ = ["ERASURES", "Erased", "digest_of_names", "note_erasure"]

ERASURES = "erasures.jsonl"


@dataclass(frozen=True, slots=True)
class Erased:
    """One line. `erasure` is the UUID of the request; the counts of the line that begins are zero.

    `names_sha256` is over the names of all photos and snapshots that were removed: whoever has kept a name can prove
    that it was among them, and nobody can find one by it.
    """

    erasure: str
    event: Literal["begun", "done"]
    at_ms: int
    by: str
    reason: str
    templates: int = 0
    photos: int = 0
    refusals: int = 0
    snapshots: int = 0
    chunks: int = 0
    names_sha256: str = ""


def note_erasure(folder: Path, erased: Erased) -> None:
    """Append one line to `ERASURES` in `folder`, durable on return. Raises OSError: it cannot be written."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / ERASURES, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "ab") as file:
        file.write(msgspec.json.encode(erased) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    flush_folder(folder)


def digest_of_names(names: Iterable[str]) -> str:
    """SHA-256, hex, over the names in ascending order, one a line."""
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
