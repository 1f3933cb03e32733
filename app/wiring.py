"""Settings to objects: the only place that knows every class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from hadir.app.serving_pack import ServingPack, pack_for_space, runtime_here, runtime_of
from hadir.app.stores import case_photo_storage, pack_folder
from hadir.attendance.assemble import Assembler
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import is_sqlite
from hadir.attendance.photo_memory import PhotoMemory
from hadir.attendance.photo_replay import ReplayPolicy
from hadir.attendance.policy import Policy, load_policy
from hadir.attendance.roster import Roster
from hadir.attendance.shifts import Shifts
from hadir.attendance.sites import Sites
from hadir.attendance.units import Units
from hadir.attendance.yardsticks import Yardstick, Yardsticks
from hadir.core.clock import Clock
from hadir.core.errors import InputError
from hadir.core.settings import Settings
from hadir.core.thresholds import Thresholds
from hadir.faces.liveness import load_liveness
from hadir.faces.pack import PackInfo
from hadir.index.manifest import read_manifest
from hadir.index.pointers import resolve
from hadir.index.snapshot import Snapshot, load_snapshot
from hadir.pipeline.case_photos import CasePhotos
from hadir.pipeline.judge import Judge, Stamp
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.stage_spec import StageSpec
from hadir.pipeline.topics import CHECK_INS

__all__ = [
    "Serving",
    "assembler",
    "existing_ledger",
    "face_workers",
    "heads_of",
    "judge",
    "kafka_cluster",
    "open_ledger",
    "overridden",
    "pack_folder",
    "policy_of",
    "replay_policy",
    "runtime_of",
    "serving",
    "serving_of",
]

_SHIPPED_POLICY = Path(__file__).with_name("policy.toml")


@dataclass(frozen=True, slots=True)
class Serving:
    """The pack and snapshot that serve, checked against each other, and the thresholds of both."""

    pack: PackInfo
    snapshot: Snapshot
    thresholds: Thresholds
    stage: StageSpec

    @property
    def yardstick(self) -> Yardstick:
        """What findings of this snapshot are judged by."""
        return Yardstick(self.thresholds, self.pack.identify_margin)

    @property
    def stamp(self) -> Stamp:
        """For verdicts that no face finding names these for."""
        return Stamp(self.snapshot.manifest.id, self.pack.embedding_space)


def serving(settings: Settings) -> Serving:
    """Load pack and current snapshot once, here, so that what is wrong is said before any worker starts.

    Raises:
        PackError, SnapshotError, SpaceMismatch: one line that says what to do.
    """
    return serving_of(settings, resolve(Path(settings.stores.snapshots)))


def serving_of(settings: Settings, folder: Path, before: Serving | None = None) -> Serving:
    """The snapshot in `folder` with the pack that made its vectors: the pack of `before`, which serves here already,
    where that is of the same space. Raises as `serving`."""
    space = read_manifest(folder).space
    if before is not None and before.pack.embedding_space == space.name:
        served = ServingPack(before.stage.pack, before.stage.precision, before.pack)
    else:
        served = pack_for_space(settings, space)
    snapshot = load_snapshot(folder, served.info.embedding_space)
    policy = policy_of(settings)
    stage = StageSpec(
        served.pack,
        served.precision,
        str(folder.absolute()),
        runtime_of(settings),
        _liveness(settings),
        watched_rates=(policy.accept_fmr, policy.identify_fmr),
    )
    calibration = snapshot.calibration
    thresholds = Thresholds(calibration.table, served.info.thresholds, calibration.normalised)
    return Serving(served.info, snapshot, thresholds, stage)


def _liveness(settings: Settings) -> str:
    """The slot's folder, tried once here."""
    if not settings.faces.liveness:
        return ""
    folder = Path(settings.faces.liveness).absolute()
    load_liveness(folder, runtime_here(settings))
    return str(folder)


def assembler(settings: Settings, policy: Policy, yardsticks: Yardsticks, now_ms: int) -> Assembler:
    """Roster, sites and shifts from their files; raises ConfigError by name."""
    files = settings.attendance
    units = Units.load(Path(files.units))
    if days := [units.local_day(unit.id, now_ms) for unit in units]:
        policy.require_in_force(max(days))
    return Assembler(
        Roster.load(Path(files.roster)),
        Sites.load(Path(files.sites), Path(files.placements)),
        Shifts.load(Path(files.units), Path(files.shifts)),
        policy,
        yardsticks,
    )


def policy_of(settings: Settings) -> Policy:
    """The policy file that the settings name, or the one that ships."""
    return load_policy(Path(settings.attendance.policy) if settings.attendance.policy else _SHIPPED_POLICY)


def open_ledger(url: str) -> Ledger:
    """The ledger at `url`; the folder of a SQLite file is made where it is missing."""
    if url.startswith("sqlite:///"):
        Path(url.removeprefix("sqlite:///")).absolute().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    return Ledger.open(url)


def existing_ledger(url: str) -> Ledger:
    """A ledger that is there already: looking makes and changes none. Raises InputError where there is none."""
    if url.startswith("sqlite:///") and not Path(url.removeprefix("sqlite:///")).is_file():
        raise InputError(f"there is no ledger at {url}: name another with --ledger, or its settings with --config")
    if url.startswith("sqlite:///") and not is_sqlite(Path(url.removeprefix("sqlite:///"))):
        raise InputError(f"{url} is not a SQLite database: name a ledger with --ledger, or its settings with --config")
    return Ledger.open(url, migrate=False)


def judge(
    settings: Settings, served: Serving, ledger: Ledger, clock: Clock, topic: str = CHECK_INS
) -> tuple[Judge, Yardsticks]:
    """Who decides, by the rules of the settings' files and by the thresholds of what serves; those of a snapshot that
    will serve are to be registered with the yardsticks. Raises ConfigError, CalibrationError by name."""
    policy = policy_of(settings)
    yardsticks = Yardsticks(policy)
    rules = assembler(settings, policy, yardsticks, clock.now_ms())
    yardsticks.register(served.snapshot.manifest.id, served.yardstick)
    photos = CasePhotos(case_photo_storage(settings))
    memory = PhotoMemory(ledger.photos, replay_policy(settings), clock)
    memory.load()
    judging = Judge(
        ledger, rules, photos, policy=policy, stamp=served.stamp, topic=topic, clock=clock, seen_before=memory
    )
    return judging, yardsticks


def replay_policy(settings: Settings) -> ReplayPolicy:
    """When a photo counts as sent before."""
    replay = settings.replay
    return ReplayPolicy(replay.window_days * 86_400_000, replay.distance_bits, replay.near == "review")


def face_workers(settings: Settings) -> int:
    """As many face actors as cores, unless the settings say how many."""
    return settings.pool.workers or len(os.sched_getaffinity(0))


def kafka_cluster(settings: Settings) -> KafkaCluster:
    """Where the brokers are, and how to be let in."""
    return KafkaCluster(settings.kafka.bootstrap, settings.kafka.security)


def heads_of(settings: Settings, ledger: str | None) -> Path:
    """Where the chain heads of a ledger are kept: the settings' file for their own ledger, for another one named on the
    command line a file beside it (or in the run's folder), so that no ledger's heads stand among another's."""
    if ledger is None or ledger == settings.ledger.url:
        return Path(settings.ledger.heads)
    if ledger.startswith("sqlite:///"):
        return Path(f"{ledger.removeprefix('sqlite:///')}.heads.jsonl")
    return Path(settings.run.folder) / "ledger-heads.jsonl"


def overridden(
    settings: Settings,
    *,
    broker: str | None = None,
    pool: str | None = None,
    metrics_port: int | None = None,
    pack: str | None = None,
    ledger: str | None = None,
) -> Settings:
    """The same settings with what the command line says instead."""
    changes: dict[str, dict[str, object]] = {
        "run": {"broker": broker, "pool": pool},
        "metrics": {"port": metrics_port},
        "faces": {"pack": pack},
        "ledger": {"url": ledger, "heads": None if ledger is None else str(heads_of(settings, ledger))},
    }
    sections = {
        section: getattr(settings, section).model_copy(update={k: v for k, v in keys.items() if v is not None})
        for section, keys in changes.items()
    }
    return settings.model_copy(update=sections)
