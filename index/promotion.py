"""Who let which snapshot serve, when and why, with every gate's figures: one line of JSON per change, only appended.

The line is written, and flushed to the disk, under the lock on the pointers and before they change, so that nothing
ever serves that no line names. A crash between the two leaves a line of something that did not happen; the next line,
or the pointers, say that it did not.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import msgspec

from hadir.core.errors import SnapshotError
from hadir.index.durable import flush_folder
from hadir.index.gates import GateResult
from hadir.index.pointers import Pointers, promote, read_pointers, refresh, rollback

__all__ = [
    "HISTORY",
    "History",
    "Note",
    "Promotion",
    "promote_noted",
    "read_history",
    "refresh_noted",
    "rollback_noted",
]

HISTORY = "promotions.jsonl"

Action = Literal["promote", "refresh", "rollback"]


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
    `damaged` are the numbers of lines that cannot be read, from 1."""

    promotions: tuple[Promotion, ...] = ()
    undone: frozenset[int] = field(default_factory=frozenset)
    damaged: tuple[int, ...] = ()


def promote_noted(root: Path, snapshot_id: str, note: Note, seen: int | None = None) -> Pointers:
    """`pointers.promote` with a line in the history. Raises as it, and OSError where the line cannot be written."""
    return promote(root, snapshot_id, seen, _keeping(root, "promote", note))


def refresh_noted(root: Path, snapshot_id: str, note: Note, seen: int | None = None) -> Pointers:
    """`pointers.refresh` with a line in the history. Raises as `promote_noted`."""
    return refresh(root, snapshot_id, seen, _keeping(root, "refresh", note))


def rollback_noted(root: Path, note: Note, seen: int | None = None) -> Pointers:
    """`pointers.rollback` with a line in the history. Raises as `promote_noted`."""
    return rollback(root, seen, _keeping(root, "rollback", note))


def read_history(root: Path) -> History:
    """Every change under `root`; an empty history where there was none.

    Raises:
        SnapshotError: the file cannot be read, or the pointers were altered.
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
    return History(tuple(promotions), _undone(promotions, read_pointers(root)), tuple(damaged))


def _undone(promotions: list[Promotion], now: Pointers) -> frozenset[int]:
    """A change happened where the next one begins from it; the last one, where it is what the pointers say."""
    following = [one.from_snapshot for one in promotions[1:]] + [now.current]
    happened = [one.to_snapshot == then for one, then in zip(promotions, following, strict=True)]
    return frozenset(place for place, did in enumerate(happened) if not did)


def _keeping(root: Path, action: Action, note: Note) -> Callable[[Pointers, Pointers], None]:
    def keep(before: Pointers, after: Pointers) -> None:
        assert after.current is not None
        _append(root / HISTORY, Promotion(action, before.current, after.current, after.generation, note))

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
