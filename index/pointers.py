"""Which snapshots serve, wait and can be gone back to: one small sealed file beside them, replaced in one step.

`serving.json` names `current`, `candidate` and `previous`. Its bytes are canonical and sealed, so that a single altered
byte is found; whoever serves then keeps what it has. Like a manifest's, the seal finds accidents, not an attacker.

Writers exclude each other by a lock on the folder, which the system gives back when a writer dies. A writer that has
looked at the pointers long before it changes them gives the generation that it saw, and is refused where another was
faster.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from hadir.core.errors import SnapshotError
from hadir.index.durable import write_durably
from hadir.index.manifest import MANIFEST, read_manifest

__all__ = [
    "POINTERS",
    "Keep",
    "Pointers",
    "Role",
    "discard",
    "promote",
    "read_pointers",
    "refresh",
    "resolve",
    "retire",
    "rollback",
    "set_candidate",
    "snapshot_folder",
    "snapshot_ids",
]

SCHEMA = 1
POINTERS = "serving.json"
LOCK = "serving.lock"
MOST_POINTER_BYTES = 4096

_ID = re.compile(r"[0-9a-f]{16}")

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


Keep = Callable[[Pointers, Pointers], None]
"""What else is to be written when pointers change: given those before and those after."""


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


def set_candidate(root: Path, snapshot_id: str) -> Pointers:
    """Let this snapshot wait for promotion, in the place of another that waits; one that serves stays current alone.

    Raises:
        SnapshotError: no such snapshot, its manifest is damaged, or the pointers are; nothing changed.
    """
    _require_sound(root, snapshot_id)
    with _changing(root) as before:
        return _write(root, before, replace(before, candidate=snapshot_id))


def promote(root: Path, snapshot_id: str, seen: int | None = None, keep: Keep | None = None) -> Pointers:
    """From now on this snapshot serves, and the one that did is the previous one. A snapshot that serves already stays.

    Args:
        root: A folder of snapshots.
        snapshot_id: One of them; its gates are the caller's business.
        seen: The generation that the caller's decision rests on; None: it rests on none.
        keep: Called with the pointers before and after, under the lock, before they change: what it raises stops the
            change.

    Raises:
        SnapshotError: as `set_candidate`, or the pointers have moved on since `seen`.
    """
    _require_sound(root, snapshot_id)
    with _changing(root, seen) as before:
        if snapshot_id == before.current:
            return before
        return _write(root, before, replace(before, current=snapshot_id, previous=before.current), keep)


def refresh(root: Path, snapshot_id: str, seen: int | None = None, keep: Keep | None = None) -> Pointers:
    """From now on this snapshot serves in the place of the current one, and what one can go back to stays what it was:
    for the same gallery with people who have come or gone since. Where none serves, this one does.

    `seen` and `keep` as for `promote`, raises as it.
    """
    _require_sound(root, snapshot_id)
    with _changing(root, seen) as before:
        if snapshot_id == before.current:
            return before
        return _write(root, before, replace(before, current=snapshot_id), keep)


def rollback(root: Path, seen: int | None = None, keep: Keep | None = None) -> Pointers:
    """The previous snapshot serves again, and the one that did becomes the previous: twice is where you began.

    `seen` and `keep` as for `promote`.

    Raises:
        SnapshotError: as `promote`, or there is no previous one.
    """
    with _changing(root, seen) as before:
        if before.previous is None:
            raise SnapshotError(f"there is nothing to go back to under {root}: no other snapshot served before")
        _require_sound(root, before.previous)
        return _write(root, before, replace(before, current=before.previous, previous=before.current), keep)


def retire(root: Path, snapshot_ids: Collection[str]) -> Pointers:
    """Let none of these wait or be gone back to any longer, so that they can be deleted.

    Raises:
        SnapshotError: one of them serves; promote another first. Nothing changed.
    """
    with _changing(root) as before:
        if before.current in snapshot_ids:
            raise SnapshotError(f"snapshot {before.current} serves: promote another one before it is retired")
        candidate = None if before.candidate in snapshot_ids else before.candidate
        previous = None if before.previous in snapshot_ids else before.previous
        return _write(root, before, replace(before, candidate=candidate, previous=previous))


def discard(root: Path, snapshot_ids: Collection[str]) -> None:
    """Delete these snapshots; what a running process has mapped of them stays readable to it until it lets go.

    Raises:
        SnapshotError: one of them has a role (retire it first), or is not there. Nothing was deleted.
        OSError: a folder cannot be removed; the snapshot is no longer to be found all the same.
    """
    with _changing(root) as before:
        for snapshot_id in snapshot_ids:
            if (role := before.role(snapshot_id)) is not None:
                raise SnapshotError(f"snapshot {snapshot_id} is the {role} one and stays")
        folders = [snapshot_folder(root, snapshot_id) for snapshot_id in snapshot_ids]
        doomed = [folder.rename(root / f".deleting-{folder.name}-{secrets.token_hex(4)}") for folder in folders]
    for folder in doomed:
        shutil.rmtree(folder)


def resolve(path: Path) -> Path:
    """The folder of the snapshot that serves; `path` is a folder of snapshots, or a snapshot itself.

    Raises:
        SnapshotError: no snapshot serves, or the one that should is not there.
    """
    if (path / MANIFEST).exists():
        return path
    current = read_pointers(path).current
    if current is None:
        raise SnapshotError(
            f"no snapshot serves under {path}: build one (hadir index build), or promote one that is there "
            "(hadir index list)"
        )
    return snapshot_folder(path, current)


def snapshot_folder(root: Path, snapshot_id: str) -> Path:
    """Where this snapshot lies. Raises SnapshotError: that is no id, or there is no such snapshot."""
    if not _ID.fullmatch(snapshot_id):
        raise SnapshotError(f"{snapshot_id[:20]!r} is no snapshot's id: expected 16 hex digits (hadir index list)")
    folder = root / snapshot_id
    if not folder.is_dir():
        raise SnapshotError(f"snapshot {snapshot_id} is not under {root}: build it anew (hadir index build)")
    return folder


def snapshot_ids(root: Path) -> list[str]:
    """The ids of all snapshots under `root`, ascending; none where there is no such folder."""
    if not root.is_dir():
        return []
    return sorted(path.name for path in root.iterdir() if _ID.fullmatch(path.name) and path.is_dir())


def _require_sound(root: Path, snapshot_id: str) -> None:
    read_manifest(snapshot_folder(root, snapshot_id))


@contextmanager
def _changing(root: Path, seen: int | None = None) -> Iterator[Pointers]:
    """Hold the writers' lock, for milliseconds; waits for another writer as long."""
    handle = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        before = read_pointers(root)
        if seen is not None and seen != before.generation:
            raise SnapshotError(
                f"what serves under {root} was changed meanwhile (generation {before.generation}, not {seen}): "
                "look again (hadir index list) and decide anew"
            )
        yield before
    finally:
        os.close(handle)


def _write(root: Path, before: Pointers, after: Pointers, keep: Keep | None = None) -> Pointers:
    """Nothing both serves and waits; a change that changes nothing is none."""
    if after.candidate == after.current:
        after = replace(after, candidate=None)
    if after.previous == after.current:
        after = replace(after, previous=None)
    if after == before:
        return before
    after = replace(after, generation=before.generation + 1)
    if keep is not None:
        keep(before, after)
    write_durably(root / POINTERS, _to_bytes(after))
    return after


def _to_bytes(pointers: Pointers) -> bytes:
    for named in (pointers.current, pointers.candidate, pointers.previous):
        if named is not None and not _ID.fullmatch(named):
            raise ValueError("a pointer names no snapshot")
    if type(pointers.generation) is not int or pointers.generation < 1:
        raise ValueError("a generation is a whole number from 1")
    document = {"schema": SCHEMA, **asdict(pointers)}
    seal = hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return (json.dumps({**document, "seal": seal}, indent=1, sort_keys=True) + "\n").encode()


def _altered(path: Path) -> SnapshotError:
    return SnapshotError(
        f"{path} was altered, its seal does not fit: whoever serves keeps what it has; delete the file and promote "
        "the snapshot that should serve (hadir index history, hadir index promote ID)"
    )
