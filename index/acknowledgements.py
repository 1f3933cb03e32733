"""What every running pipeline serves at this moment, told by itself in one small file beside the snapshots.

A replica writes its file about once a second and removes it at its end. A file that nobody renews is one of a replica
that died; it counts as little as one that is gone. So "does everybody serve the new snapshot?" needs no network and no
list of machines, only the folder that all of them read snapshots from.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hadir.core.errors import SnapshotError
from hadir.index.durable import write_whole

__all__ = ["FOLDER", "Acknowledgement", "Agreement", "acknowledge", "agreement", "read_acknowledgements", "withdraw"]

FOLDER = "replicas"
MOST_FILE_BYTES = 16 << 10

_REPLICA = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """`replica` (letters, digits, `.`, `_`, `-`) serves `snapshot` in `embedding_space` with `workers` workers.

    `refused` is the id of a snapshot that it was asked to serve and could not, `problem` says why in one line. `at_ms`
    is its clock, UTC: machines that share snapshots must agree on the time within a few seconds.
    """

    replica: str
    host: str
    pid: int
    snapshot: str
    embedding_space: str
    workers: int
    at_ms: int
    refused: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Where the live replicas stand with a snapshot; each is in one of the three, by name."""

    snapshot: str
    serving: tuple[Acknowledgement, ...]
    refusing: tuple[Acknowledgement, ...]
    pending: tuple[Acknowledgement, ...]

    @property
    def reached(self) -> bool:
        """Whether every live replica serves it; true where none is live."""
        return not self.refusing and not self.pending


def acknowledge(root: Path, told: Acknowledgement) -> None:
    """Say what this replica serves. Not flushed to the disk: after a power loss the replica is gone as well.

    Raises:
        ValueError: the replica's name is not one.
        OSError: the folder cannot be written.
    """
    if not _REPLICA.fullmatch(told.replica):
        raise ValueError(f"a replica's name of {len(told.replica)} characters: expected letters, digits, '.', '_', '-'")
    folder = root / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_whole(_file(folder, told.replica), msgspec.json.encode(told) + b"\n")


def withdraw(root: Path, replica: str) -> None:
    """This replica serves no longer; nothing happens where it never said so. Raises OSError."""
    _file(root / FOLDER, replica).unlink(missing_ok=True)


def read_acknowledgements(root: Path) -> list[Acknowledgement]:
    """What every replica said last, also those that died since, by name.

    Raises:
        SnapshotError: a file is no acknowledgement; a replica that lives writes it anew within a second.
    """
    found = []
    for path in sorted((root / FOLDER).glob("*.json")):
        try:
            with path.open("rb") as file:
                told = msgspec.json.decode(file.read(MOST_FILE_BYTES), type=Acknowledgement)
        except FileNotFoundError:  # withdrawn since it was listed
            continue
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as err:
            raise _unusable(path) from err
        if _file(path.parent, told.replica) != path:
            raise _unusable(path)
        found.append(told)
    return found


def agreement(told: Iterable[Acknowledgement], snapshot_id: str, now_ms: int, stale_after_s: float) -> Agreement:
    """Sort those that spoke within the last `stale_after_s` seconds by how they stand with this snapshot."""
    serving, refusing, pending = [], [], []
    for one in told:
        if now_ms - one.at_ms > stale_after_s * 1000:
            continue
        if one.snapshot == snapshot_id:
            serving.append(one)
        elif one.refused == snapshot_id:
            refusing.append(one)
        else:
            pending.append(one)
    return Agreement(snapshot_id, tuple(serving), tuple(refusing), tuple(pending))


def _file(folder: Path, replica: str) -> Path:
    return folder / f"{replica}.json"


def _unusable(path: Path) -> SnapshotError:
    return SnapshotError(
        f"{path} does not say what a replica serves: its replica writes it anew within a second, delete it if not"
    )
