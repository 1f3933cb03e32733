"""Published chain heads: kept away from the ledger, they prove that its tail was not cut or its chain rewritten."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hadir.core.errors import InputError

__all__ = ["Head", "read_heads", "write_heads"]


@dataclass(frozen=True, slots=True)
class Head:
    """The last row of a chain at some moment."""

    chain: str
    seq: int
    hash: str


class _Line(msgspec.Struct, frozen=True):
    chain: str
    seq: int
    hash: str
    at_ms: int


def write_heads(path: Path, heads: Sequence[Head], at_ms: int) -> None:
    """Append one JSON line `{"chain", "seq", "hash", "at_ms"}` per head; on disk when this returns."""
    lines = (msgspec.json.encode(_Line(head.chain, head.seq, head.hash, at_ms)) + b"\n" for head in heads)
    _drop_torn_line(path)
    with path.open("ab") as file:
        file.writelines(lines)
        file.flush()
        os.fsync(file.fileno())


def _drop_torn_line(path: Path) -> None:
    """What a crash left of a line that was never wholly written would make every later line unreadable with it."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def read_heads(path: Path) -> list[Head]:
    """Every head of a file, in its order.

    Raises:
        InputError: the file or one of its lines (named by number) cannot be read.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as err:
        raise InputError(f"the heads {path} cannot be read: {err.strerror}") from err
    return [_head(path, number, line) for number, line in enumerate(lines, start=1) if line.strip()]


def _head(path: Path, number: int, line: bytes) -> Head:
    try:
        read = msgspec.json.decode(line, type=_Line)
    except msgspec.MsgspecError as err:
        raise InputError(f"{path}, line {number}: expected chain, seq, hash and at_ms as JSON") from err
    return Head(read.chain, read.seq, read.hash)
