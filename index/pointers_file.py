"""The one small sealed file that names which snapshots serve, wait and can be gone back to.

Its bytes are canonical and sealed, so that a single altered byte is found; whoever serves then keeps what it has. Like
a manifest's, the seal finds accidents, not an attacker.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from hadir.core.errors import SnapshotError
from hadir.index.durable import write_durably

__all__ = ["POINTERS", "SNAPSHOT_ID", "Pointers", "Role", "read_pointers", "write_pointers"]

SCHEMA = 1
POINTERS = "serving.json"
MOST_POINTER_BYTES = 4096

SNAPSHOT_ID = re.compile(r"[0-9a-f]{16}")

Role = Literal["current", "candidate", "previous"]


@dataclass(frozen=True, slots=True)
class Pointers:
    """Ids of snapshots, None where there is none; `generation` grows by one with every change."""

    current: str | None = None
    candidate: str | None = None
    previous: str | None = None
    generation: int = 0

    def role(self, snapshot_id: str) -> Role | None:
        """What this snapshot is at the moment; None: nothing."""
        roles: tuple[tuple[str | None, Role], ...] = (
            (self.current, "current"),
            (self.candidate, "candidate"),
            (self.previous, "previous"),
        )
        return next((role for named, role in roles if named == snapshot_id), None)


def read_pointers(root: Path) -> Pointers:
    """What serves under `root`, a folder of snapshots; `Pointers()` where nothing ever did. Never blocks on a writer.

    Raises:
        SnapshotError: the file is unreadable or was altered.
    """
    path = root / POINTERS
    try:
        with path.open("rb") as file:
            content = file.read(MOST_POINTER_BYTES + 1)
    except FileNotFoundError:
        return Pointers()
    except OSError as err:
        raise SnapshotError(f"{path} cannot be read ({err.strerror}): check the folder and its owner") from err
    try:
        document = json.loads(content)
        pointers = Pointers(**{field: document[field] for field in ("current", "candidate", "previous", "generation")})
        sound = content == _to_bytes(pointers)
    except (ValueError, KeyError, TypeError, RecursionError) as err:
        raise _altered(path) from err
    if not sound:
        raise _altered(path)
    return pointers


def write_pointers(root: Path, pointers: Pointers) -> None:
    """Replace the file in one step, durably. Raises OSError; ValueError where an id or the generation is none."""
    write_durably(root / POINTERS, _to_bytes(pointers))


def _to_bytes(pointers: Pointers) -> bytes:
    for named in (pointers.current, pointers.candidate, pointers.previous):
        if named is not None and not SNAPSHOT_ID.fullmatch(named):
            raise ValueError("a pointer names no snapshot")
    if type(pointers.generation) is not int or pointers.generation < 1:
        raise ValueError("a generation is a whole number from 1")
    document = {"schema": SCHEMA, **asdict(pointers)}
    seal = hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return (json.dumps({**document, "seal": seal}, indent=1, sort_keys=True) + "\n").encode()


def _altered(path: Path) -> SnapshotError:
    return SnapshotError(
        f"{path} was altered, its seal does not fit: whoever serves keeps what it has; hadir index repair sets it "
        "again from the history and from what running pipelines serve"
    )
