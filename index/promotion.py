"""Who let which snapshot serve, when and why, with every gate's figures: one line of JSON per change, only appended.

The line is written, and flushed to the disk, under the lock on the pointers and before they change, so that nothing
ever serves that no line names. A crash between the two leaves a line of something that did not happen; the next line,
or the pointers, say that it did not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Literal

import msgspec

from hadir.core.errors import SnapshotError
from hadir.index.durable import flush_folder
from hadir.index.gates import GateResult
from hadir.index.pointers import Pointers, promote, read_pointers, refresh, restore, rollback

__all__ = [
    "HISTORY",
    "History",
    "Note",
    "Promotion",
    "Standing",
    "promote_noted",
    "read_history",
    "refresh_noted",
    "restore_noted",
    "rollback_noted",
    "standing",
]

HISTORY = "promotions.jsonl"

Action = Literal["promote", "refresh", "repair", "rollback"]


@dataclass(frozen=True, slots=True)
class Note:
    """What is kept beside the ids: who, why in their words, and whether in spite of a gate that failed."""

    at_ms: int
    by: str
    reason: str
    forced: bool = False
    gates: tuple[GateResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Promotion:
    """One change of what serves; `generation` is that of the pointers after it."""

    action: Action
    from_snapshot: str | None
    to_snapshot: str
    generation: int
    note: Note


@dataclass(frozen=True, slots=True)
class History:
    """Ascending in time. `undone` are the places, in `promotions`, of those that a crash kept from happening;
    `damaged` are the numbers of lines that cannot be read, from 1. `problem` says why the pointers, which alone know of
    the last one, say nothing: then it may not have happened."""

    promotions: tuple[Promotion, ...] = ()
    undone: frozenset[int] = field(default_factory=frozenset)
    damaged: tuple[int, ...] = ()
    problem: str | None = None

    def happened(self, place: int) -> bool | None:
        """Whether the change at this place did; None where nobody knows."""
        if self.problem is not None and place == len(self.promotions) - 1:
            return None
        return place not in self.undone


@dataclass(frozen=True, slots=True)
class Standing:
    """What the history says of the pointers: what serves, what one can go back to, and the last generation."""

    current: str | None = None
    previous: str | None = None
    generation: int = 0


def promote_noted(root: Path, snapshot_id: str, note: Note, seen: int | None = None) -> Pointers:
    """`pointers.promote` with a line in the history. Raises as it, and OSError where the line cannot be written."""
    return promote(root, snapshot_id, seen, _keeping(root, "promote", note))


def refresh_noted(root: Path, snapshot_id: str, note: Note, seen: int | None = None) -> Pointers:
    """`pointers.refresh` with a line in the history. Raises as `promote_noted`."""
    return refresh(root, snapshot_id, seen, _keeping(root, "refresh", note))


def rollback_noted(root: Path, note: Note, seen: int | None = None) -> Pointers:
    """`pointers.rollback` with a line in the history. Raises as `promote_noted`."""
    return rollback(root, seen, _keeping(root, "rollback", note))


def restore_noted(root: Path, snapshot_id: str, last: Standing, note: Note) -> Pointers:
    """`pointers.restore` with a line in the history, after which `standing` is the pointers again. Raises as
    `promote_noted`."""
    previous = last.previous if snapshot_id == last.current else last.current
    return restore(root, snapshot_id, previous, last.generation, _keeping(root, "repair", note, last.current))


def standing(history: History, last_happened: bool = True) -> Standing:
    """Every change in turn. `last_happened` decides of the last one, where nobody knows."""
    found = Standing()
    for place, one in enumerate(history.promotions):
        happened = history.happened(place)
        found = replace(found, generation=max(found.generation, one.generation))
        if happened or (happened is None and last_happened):
            kept = one.action == "refresh" or one.to_snapshot == found.current
            previous = found.previous if kept else one.from_snapshot
            found = replace(found, current=one.to_snapshot, previous=None if previous == one.to_snapshot else previous)
    return found


def read_history(root: Path) -> History:
    """Every change under `root`; an empty history where there was none.

    Raises:
        SnapshotError: the file cannot be read.
    """
    path = root / HISTORY
    try:
        with path.open("rb") as file:
            content = file.read()
    except FileNotFoundError:
        return History()
    except OSError as err:
        raise SnapshotError(f"{path} cannot be read ({err.strerror}): check the folder and its owner") from err
    promotions, damaged = [], []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line:
            continue
        try:
            promotions.append(msgspec.json.decode(line, type=Promotion))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            damaged.append(number)
    now, problem = _now(root) if promotions else (None, None)
    return History(tuple(promotions), _undone(promotions, now), tuple(damaged), problem)


def _now(root: Path) -> tuple[str | None, str | None]:
    """What serves; or why nobody can say so."""
    try:
        current = read_pointers(root).current
    except SnapshotError as err:
        return None, str(err)
    lost = f"no pointer under {root} says what serves, and something did: hadir index repair names it again"
    return current, lost if current is None else None


def _undone(promotions: list[Promotion], now: str | None) -> frozenset[int]:
    """A change happened where the next one begins from it; the last one, where it is what the pointers say. Where they
    say nothing, the last one is left open."""
    following = [one.from_snapshot for one in promotions[1:]]
    following += [now or promotions[-1].to_snapshot] if promotions else []
    happened = [one.to_snapshot == then for one, then in zip(promotions, following, strict=True)]
    return frozenset(place for place, did in enumerate(happened) if not did)


def _keeping(
    root: Path, action: Action, note: Note, begins_from: str | None = None
) -> Callable[[Pointers, Pointers], None]:
    """`begins_from` is for pointers that cannot say it themselves."""

    def keep(before: Pointers, after: Pointers) -> None:
        assert after.current is not None
        begin = before.current or begins_from
        _append(root / HISTORY, Promotion(action, begin, after.current, after.generation, note))

    return keep


def _append(path: Path, promotion: Promotion) -> None:
    """One line, durable on return; a part of a line that a crash left is closed first."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        size = os.fstat(handle).st_size
        torn = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
        line = json.dumps(asdict(promotion), ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        content = b"\n" * torn + line.encode() + b"\n"
        if os.write(handle, content) != len(content):
            raise OSError(28, "No space left on device", str(path))
        os.fsync(handle)
    finally:
        os.close(handle)
    flush_folder(path.parent)
