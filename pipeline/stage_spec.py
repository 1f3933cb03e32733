"""How a worker builds its stage in its own process: names only, so that it travels."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hadir.core.evidence import FaceFinding
from hadir.core.thresholds import Thresholds
from hadir.core.timings import StageName
from hadir.faces.liveness import load_liveness
from hadir.faces.model_facts import ModelFacts
from hadir.faces.open_pack import Choice
from hadir.faces.pack import FacePack
from hadir.faces.packs import load_pack
from hadir.faces.runtime import CPU, Runtime
from hadir.faces.sample_photo import sample_photo
from hadir.faces.watched_pack import WatchedPack
from hadir.index.search import FaceIndex
from hadir.index.snapshot import load_snapshot
from hadir.pipeline.face_stage import FaceStage
from hadir.pipeline.impostor_watch import ImpostorWatch
from hadir.pipeline.ports import FaceJob, Stage

__all__ = ["BuiltStage", "StageSpec"]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """`pack` and `snapshot` as `load_pack` and `load_snapshot` take them; folders as absolute paths. `liveness`
    is a folder, empty where the slot is. At `watched_rates` live probes are counted against people not claimed.
    `shards` finds the index where it is too large for one process (`hadir.index.shards`)."""

    pack: str
    precision: Choice
    snapshot: str
    runtime: Runtime = CPU
    liveness: str = ""
    watched_rates: tuple[float, ...] = ()
    shards: Callable[[], FaceIndex] | None = None

    def __call__(self) -> BuiltStage:
        """Load and check both. Raises PackError, SnapshotError, SpaceMismatch."""
        pack = load_pack(self.pack, self.precision, self.runtime)
        if self.liveness:
            pack = WatchedPack(pack, load_liveness(Path(self.liveness), self.runtime))
        return self._around(pack)

    def beside(self, serving: Stage) -> BuiltStage:
        """As the call; where `serving` was built with the same pack, that very pack goes on with the new snapshot.
        Models take most of the time that loading takes, and most snapshots come without another model."""
        if isinstance(serving, BuiltStage) and replace(serving.spec, snapshot=self.snapshot) == self:
            return self._around(serving.pack)
        return self()

    def _around(self, pack: FacePack) -> BuiltStage:
        snapshot = load_snapshot(Path(self.snapshot), pack.info.embedding_space)
        thresholds = Thresholds(snapshot.calibration.table, pack.info.thresholds)
        watch = ImpostorWatch(thresholds, self.watched_rates, snapshot.manifest.people)
        index = snapshot.index if self.shards is None else self.shards()
        stage = FaceStage(pack, index, snapshot.manifest.id, cohorts=snapshot.cohorts, watch=watch)
        return BuiltStage(self, pack, stage)


@dataclass(frozen=True, slots=True, weakref_slot=True, eq=False)
class BuiltStage:
    """A stage that remembers what it was built of."""

    spec: StageSpec
    pack: FacePack
    stage: FaceStage

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        """As `FaceStage.process`."""
        return self.stage.process(jobs)

    def spent(self) -> Mapping[StageName, float]:
        """As `FaceStage.spent`."""
        return self.stage.spent()

    def models(self) -> ModelFacts:
        """As `hadir.faces.model_facts.RunsModels`."""
        return ModelFacts(self.spec.runtime.provider, self.pack.info.runtime, self.pack.info.precision)

    def warm_up(self, photos: int) -> None:
        """As `hadir.pipeline.warmable.Warmable`: every model, and the pages of the index that a search walks."""
        self.stage.process([FaceJob(number, "", (sample_photo(),)) for number in range(photos)])
