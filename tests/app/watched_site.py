"""A station at work on the memory log, and snapshots that it may be told to serve."""

from __future__ import annotations

import queue
import shutil
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from hadir.app.demo_people import RealPerson
from hadir.app.log_ends import LogEnds
from hadir.app.options import DEFAULTS
from hadir.app.station import Station
from hadir.app.stores import space_of
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.core.metrics import MetricName
from hadir.core.settings import Settings, load_settings
from hadir.faces.pack import ENROLMENT_PHOTOS
from hadir.faces.packs import load_pack
from hadir.index.galleries import gallery_at
from hadir.index.manifest import read_manifest
from hadir.index.pointers import POINTERS, promote, read_pointers
from hadir.index.snapshot_build import build_snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.memory import MemoryLog, MemorySink, MemorySource
from hadir.pipeline.observer import Served
from hadir.pipeline.topics import CHECK_INS
from tests.app.site import HERE, Site, make_site

__all__ = ["PATIENCE_S", "PERSON", "Heard", "Running", "Snapshots", "build_snapshots", "copy_of", "started"]

PATIENCE_S = 60.0
PERSON = "P00001"


@dataclass(frozen=True, slots=True)
class Snapshots:
    """Ids under one root: two of the int8 space, one of the fp16 space, one whose pack nobody has."""

    site: Site
    first: str
    second: str
    elsewhere: str
    strange: str

    def space(self, snapshot: str) -> str:
        return read_manifest(self.root / snapshot).space.name

    @property
    def root(self) -> Path:
        return self.site.folder / "snapshots"


def build_snapshots(folder: Path, people: Sequence[RealPerson]) -> Snapshots:
    """A site with all of them; the first serves."""
    site = make_site(folder, people, round(time.time() * 1000))
    site.serve()
    root = site.folder / "snapshots"
    first = read_pointers(root).current
    assert first is not None
    second = build(site, "index", "build", "--synthetic", 50)
    elsewhere = fp16_snapshot(site)
    strange = strange_snapshot(root, site.folder)
    return Snapshots(site, first, second, elsewhere, strange)


def build(site: Site, *arguments: object) -> str:
    return str(site(*arguments, "--json").document()["snapshot"])


def fp16_snapshot(site: Site) -> str:
    """Everybody, as the open pack sees them in its other precision."""
    pack = load_pack("open", "fp16")
    paths = sorted(site.photos.glob("*/first.jpg"))
    results = pack.analyse([path.read_bytes() for path in paths], ENROLMENT_PHOTOS)
    gallery = gallery_at(Storage(str(site.folder / "fp16")), space_of(pack.info))
    gallery.add(
        [
            Template(f"{number:064x}", path.parent.name, result.vector, 0)
            for number, (path, result) in enumerate(zip(paths, results, strict=True))
            if result.vector is not None
        ],
        pack.info.embedding_space,
    )
    return build_snapshot(site.folder / "snapshots", gallery, 0, "test").name


def strange_snapshot(root: Path, folder: Path) -> str:
    space = EmbeddingSpace("nobodys", 4, "nobody's pack", "fp32", "none")
    gallery = gallery_at(Storage(str(folder / "strange")), space)
    vectors = np.eye(4, dtype=np.float32)
    gallery.add([Template(f"{n:064x}", f"P0000{n}", vectors[n], 0) for n in range(4)], space.name)
    return build_snapshot(root, gallery, 0, "test").name


class Heard:
    """What the station says of its snapshots."""

    def __init__(self) -> None:
        self.serving: queue.Queue[str] = queue.Queue()
        self.refused: queue.Queue[tuple[str | None, str]] = queue.Queue()

    def on_serving(self, served: Served) -> None:
        self.serving.put(served.snapshot)

    def on_refused(self, snapshot: str | None, code: str) -> None:
        self.refused.put((snapshot, code))


@dataclass(slots=True)
class Running:
    """A station at work on the memory log, and what may be done to it from outside."""

    station: Station
    settings: Settings
    log: MemoryLog
    ends: LogEnds
    heard: Heard
    root: Path
    photo: bytes
    sent: list[str] = field(default_factory=list)

    def send(self, count: int, channel: Channel = Channel.FACE, *, again: bool = False) -> list[str]:
        """Check-ins with a photo of other bytes each, or with the very same one again and again."""
        ids = [str(uuid.uuid4()) for _ in range(count)]
        fix = Fix(HERE["latitude_deg"], HERE["longitude_deg"], 8.0, mock=False)
        for identity in ids:
            photo = self.photo if again else self.photo + identity.encode()
            photos = (photo,) if channel is Channel.FACE else ()
            now_ms = SystemClock().now_ms()
            check_in = CheckIn(identity, PERSON, Direction.IN, channel, now_ms, fix, photos)
            self.ends.sender.send([Message(self.ends.topic, PERSON.encode(), encode_check_in(check_in))])
        self.sent += ids
        return ids

    def rows(self, ids: list[str]) -> list[LedgerRow]:
        """Their rows, waited for."""
        until_s = time.monotonic() + PATIENCE_S
        pause = threading.Event()
        while len(known := self.station.ledger.known(ids)) < len(ids):
            assert time.monotonic() < until_s, f"{len(known)} of {len(ids)} decided"
            pause.wait(0.02)
        return [known[identity] for identity in ids]

    def serves(self, snapshot: str) -> None:
        """Returns when it does."""
        assert self.heard.serving.get(timeout=PATIENCE_S) == snapshot

    def metric(self, name: MetricName, **labels: str) -> float | None:
        return self.station.metrics.registry.get_sample_value(str(name), labels)


def copy_of(built: Snapshots, place: Path) -> Path:
    """The snapshots in a folder of one test; the first serves."""
    root = place / "snapshots"
    shutil.copytree(built.root, root, ignore=shutil.ignore_patterns("replicas", POINTERS))
    promote(root, built.first)
    return root


@contextmanager
def started(site: Site, root: Path, place: Path) -> Iterator[Running]:
    config = place / "hadir.toml"
    text = site.config.read_text().replace(f'"{site.folder}/snapshots"', f'"{root}"\nwatch_s = 0.05')
    for name in ("run", "cases", "heads.jsonl", "ledger.db"):
        text = text.replace(f"{site.folder}/{name}", f"{place}/{name}")
    config.write_text(text)
    settings = load_settings(DEFAULTS, config)
    settings = settings.model_copy(
        update={
            "run": settings.run.model_copy(update={"broker": "memory", "pool": "inline"}),
            "replay": settings.replay.model_copy(update={"near": "record"}),
        }
    )
    log, heard = MemoryLog(SystemClock()), Heard()
    ends = LogEnds(MemorySource(log, CHECK_INS), MemorySink(log), MemorySink(log))
    with Station(settings, ends, SystemClock(), snapshot_watchers=[heard]) as station:
        station.start()
        thread = threading.Thread(target=station.run)
        thread.start()
        running = Running(station, settings, log, ends, heard, root, site.photo(PERSON).read_bytes())
        try:
            running.serves(station.snapshot)
            yield running
        finally:
            station.stop()
            thread.join()
