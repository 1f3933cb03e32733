"""Which snapshots serve, wait and can be gone back to, and every way in which that changes: each in one step.

Writers exclude each other by a lock on the folder, which the system gives back when a writer dies. A writer that has
looked at the pointers long before it changes them gives the generation that it saw, and is refused where another was
faster.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from hadir.core.errors import SnapshotError
from hadir.index.manifest import MANIFEST, read_manifest
from hadir.index.pointers_file import POINTERS, SNAPSHOT_ID, Pointers, Role, read_pointers, write_pointers

__all__ = [
    "POINTERS",
    "Keep",
    "Pointers",
    "Role",
    "discard",
    "nudge",
    "promote",
    "read_pointers",
    "refresh",
    "resolve",
    "restore",
    "retire",
    "rollback",
    "set_candidate",
    "snapshot_folder",
    "snapshot_ids",
]

LOCK = "serving.lock"


Keep = Callable[[Pointers, Pointers], None]
"""What else is to be written when pointers change: given those before and those after."""


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


def nudge(root: Path) -> Pointers:
    """The same pointers, one generation on: a replica that refused what they name looks at it again.

    Raises:
        SnapshotError: nothing serves, or the pointers are damaged.
    """
    with _changing(root) as before:
        if before.current is None:
            raise SnapshotError(f"no snapshot serves under {root}: there is nothing to ask replicas for")
        return _write_next(root, before)


def restore(root: Path, current: str, previous: str | None, generation: int, keep: Keep | None = None) -> Pointers:
    """Where the pointers are lost or damaged, let them name these again; a candidate that can be read waits on, and a
    `previous` that is not there any more is none.

    `generation` is the last that is known of; those that follow are higher. `keep` as for `promote`.

    Raises:
        SnapshotError: something serves, so there is nothing to restore; or as `set_candidate`. Nothing changed.
    """
    _require_sound(root, current)
    if previous is not None and not _is_sound(root, previous):
        previous = None
    with _locked(root):
        try:
            before = read_pointers(root)
        except SnapshotError:
            before = Pointers()
        if before.current is not None:
            raise SnapshotError(f"snapshot {before.current} serves under {root}: there is nothing to repair")
        known = replace(before, generation=max(before.generation, generation))
        return _write(root, known, replace(known, current=current, previous=previous), keep)


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
        for folder in folders:
            folder.rename(root / f".deleting-{folder.name}-{secrets.token_hex(4)}")
        for doomed in root.glob(".deleting-*"):  # and what a deletion that was killed has left
            shutil.rmtree(doomed)


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
            "(hadir index list); where one did, hadir index repair names it again"
        )
    return snapshot_folder(path, current)


def snapshot_folder(root: Path, snapshot_id: str) -> Path:
    """Where this snapshot lies. Raises SnapshotError: that is no id, or there is no such snapshot."""
    if not SNAPSHOT_ID.fullmatch(snapshot_id):
        raise SnapshotError(
            f"{snapshot_id[:40]!r} is no snapshot's id: expected 16 hex digits, hadir index list shows all under {root}"
        )
    folder = root / snapshot_id
    if not folder.is_dir():
        raise SnapshotError(
            f"snapshot {snapshot_id} is not under {root}: hadir index list shows which are, hadir index build makes "
            "another"
        )
    return folder


def snapshot_ids(root: Path) -> list[str]:
    """The ids of all snapshots under `root`, ascending; none where there is no such folder."""
    if not root.is_dir():
        return []
    return sorted(path.name for path in root.iterdir() if SNAPSHOT_ID.fullmatch(path.name) and path.is_dir())


def _require_sound(root: Path, snapshot_id: str) -> None:
    read_manifest(snapshot_folder(root, snapshot_id))


def _is_sound(root: Path, snapshot_id: str) -> bool:
    try:
        _require_sound(root, snapshot_id)
    except SnapshotError:
        return False
    return True


@contextmanager
def _changing(root: Path, seen: int | None = None) -> Iterator[Pointers]:
    with _locked(root):
        before = read_pointers(root)
        if seen is not None and seen != before.generation:
            raise SnapshotError(
                f"what serves under {root} was changed meanwhile (generation {before.generation}, not {seen}): "
                "look again (hadir index list) and decide anew"
            )
        yield before


@contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the writers' lock, for milliseconds; waits for another writer as long."""
    handle = os.open(root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
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
    if keep is not None:
        keep(before, replace(after, generation=before.generation + 1))
    return _write_next(root, after)


def _write_next(root: Path, pointers: Pointers) -> Pointers:
    """`pointers` as they were read, or changed since, with the next generation."""
    pointers = replace(pointers, generation=pointers.generation + 1)
    write_pointers(root, pointers)
    return pointers
