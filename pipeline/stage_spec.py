"""How a worker builds its stage in its own process: names only, so that it travels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hadir.core.thresholds import Thresholds
from hadir.faces.liveness import load_liveness
from hadir.faces.open_pack import Choice
from hadir.faces.packs import load_pack
from hadir.faces.runtime import CPU, Runtime
from hadir.faces.watched_pack import WatchedPack
from hadir.index.snapshot import load_snapshot
from hadir.pipeline.face_stage import FaceStage
from hadir.pipeline.impostor_watch import ImpostorWatch

__all__ = ["StageSpec"]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """`pack` and `snapshot` as `load_pack` and `load_snapshot` take them; folders as absolute paths. `liveness`
    is a folder, empty where the slot is. At `watched_rates` live probes are counted against people not claimed."""

    pack: str
    precision: Choice
    snapshot: str
    runtime: Runtime = CPU
    liveness: str = ""
    watched_rates: tuple[float, ...] = ()

    def __call__(self) -> FaceStage:
        """Load and check both. Raises PackError, SnapshotError, SpaceMismatch."""
        pack = load_pack(self.pack, self.precision, self.runtime)
        snapshot = load_snapshot(Path(self.snapshot), pack.info.embedding_space)
        if self.liveness:
            pack = WatchedPack(pack, load_liveness(Path(self.liveness), self.runtime))
        thresholds = Thresholds(snapshot.calibration.table, pack.info.thresholds)
        watch = ImpostorWatch(thresholds, self.watched_rates, snapshot.manifest.people)
        return FaceStage(pack, snapshot.index, snapshot.manifest.id, cohorts=snapshot.cohorts, watch=watch)
