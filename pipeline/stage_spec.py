"""How a worker builds its stage in its own process: names only, so that it travels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hadir.faces.liveness import load_liveness
from hadir.faces.open_pack import Choice
from hadir.faces.packs import load_pack
from hadir.faces.runtime import CPU, Runtime
from hadir.faces.watched_pack import WatchedPack
from hadir.index.snapshot import load_snapshot
from hadir.pipeline.face_stage import FaceStage

__all__ = ["StageSpec"]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """`pack` and `snapshot` as `load_pack` and `load_snapshot` take them; folders as absolute paths. `liveness`
    is a folder, empty where the slot is."""

    pack: str
    precision: Choice
    snapshot: str
    runtime: Runtime = CPU
    liveness: str = ""

    def __call__(self) -> FaceStage:
        """Load and check both. Raises PackError, SnapshotError, SpaceMismatch."""
        pack = load_pack(self.pack, self.precision, self.runtime)
        snapshot = load_snapshot(Path(self.snapshot), pack.info.embedding_space)
        if self.liveness:
            pack = WatchedPack(pack, load_liveness(Path(self.liveness), self.runtime))
        return FaceStage(pack, snapshot.index, snapshot.manifest.id)
