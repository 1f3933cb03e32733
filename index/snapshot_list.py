"""All snapshots of a folder at one glance, and which of them nobody needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.core.errors import SnapshotError
from hadir.index.acknowledgements import read_acknowledgements
from hadir.index.manifest import Manifest, read_manifest
from hadir.index.pointers import Role, read_pointers, snapshot_ids
from hadir.index.snapshot_checks import read_calibration

__all__ = ["Listed", "list_snapshots", "prunable"]


@dataclass(frozen=True, slots=True)
class Listed:
    """One snapshot. `manifest` None: `problem` says why it cannot be read. `calibrated`: it has any threshold of its
    own. `replicas`: live ones that serve it."""

    id: str
    role: Role | None
    replicas: tuple[str, ...]
    manifest: Manifest | None = None
    calibrated: bool = False
    problem: str | None = None


def list_snapshots(root: Path, now_ms: int, stale_after_s: float) -> list[Listed]:
    """The newest first, those that cannot be read last; looks at manifests and thresholds only.

    Raises:
        SnapshotError: the pointers or what a replica says were altered.
    """
    pointers = read_pointers(root)
    live = [one for one in read_acknowledgements(root) if now_ms - one.at_ms <= stale_after_s * 1000]
    listed = []
    for snapshot_id in snapshot_ids(root):
        role = pointers.role(snapshot_id)
        replicas = tuple(one.replica for one in live if one.snapshot == snapshot_id)
        try:
            manifest = read_manifest(root / snapshot_id)
            table = read_calibration(root / snapshot_id).table
        except SnapshotError as error:
            listed.append(Listed(snapshot_id, role, replicas, problem=str(error)))
        else:
            calibrated = any(t is not None for cells in table.similarity.values() for t in cells.values())
            listed.append(Listed(snapshot_id, role, replicas, manifest, calibrated))
    return sorted(listed, key=lambda one: (-_created(one), one.id))


def prunable(listed: Sequence[Listed], keep: int) -> list[str]:
    """Those without a role and without a replica, but for the `keep` newest of them."""
    return [one.id for one in listed if one.role is None and not one.replicas][keep:]


def _created(one: Listed) -> int:
    return -1 if one.manifest is None else one.manifest.created_at_ms
