"""A running station takes what the pointers name, refuses by name what cannot serve, and loses no check-in by it."""

from __future__ import annotations

import queue
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.log_ends import LogEnds, open_ends
from hadir.app.options import DEFAULTS
from hadir.app.snapshot_watch import replica_name
from hadir.app.station import Station
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.check_in import Channel, CheckIn, Direction, Fix
from hadir.core.clock import SystemClock
from hadir.core.message import Message
from hadir.core.metrics import MetricName
from hadir.core.settings import load_settings
from hadir.core.verdict import Outcome
from hadir.index.acknowledgements import Acknowledgement, read_acknowledgements
from hadir.index.galleries import gallery_at, spaces
from hadir.index.manifest import read_manifest
from hadir.index.pointers import POINTERS, promote, read_pointers, rollback
from hadir.index.snapshot_build import build_snapshot
from hadir.index.snapshot_checks import VECTORS
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.observer import Served
from tests.app.site import HERE, Site, make_site

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


@pytest.fixture(scope="module")
def built(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    site = make_site(tmp_path_factory.mktemp("watched"), people, round(time.time() * 1000))
    site.serve()
    root = site.folder / "snapshots"
    first = read_pointers(root).current
    assert first is not None
    second = build(site, "index", "build", "--synthetic", 50)
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HADIR_FACES__PRECISION", "fp16")
        assert site("enroll", site.photos).code in {0, 3}
    fp16 = next(one.name for one in spaces(Storage(str(site.folder / "gallery"))) if one.precision == "fp16")
    elsewhere = build(site, "index", "build", "--space", fp16)
    strange = strange_snapshot(root, site.folder)
    return Snapshots(site, first, second, elsewhere, strange)


def build(site: Site, *arguments: object) -> str:
    return str(site(*arguments, "--json").document()["snapshot"])


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


@dataclass
class Running:
    """A station at work on the memory log, and what may be done to it from outside."""

    station: Station
    ends: LogEnds
    heard: Heard
    root: Path
    photo: bytes
    sent: list[str] = field(default_factory=list)

    def send(self, count: int, channel: Channel = Channel.FACE) -> list[str]:
        ids = [str(uuid.uuid4()) for _ in range(count)]
        fix = Fix(HERE["latitude_deg"], HERE["longitude_deg"], 8.0, mock=False)
        for identity in ids:
            photos = (self.photo,) if channel is Channel.FACE else ()
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


@pytest.fixture
def running(built: Snapshots, tmp_path: Path) -> Iterator[Running]:
    root = tmp_path / "snapshots"
    shutil.copytree(built.root, root, ignore=shutil.ignore_patterns("replicas", POINTERS))
    promote(root, built.first)
    with started(built.site, root, tmp_path) as station:
        yield station


@contextmanager
def started(site: Site, root: Path, place: Path) -> Iterator[Running]:
    config = place / "hadir.toml"
    text = site.config.read_text().replace(f'"{site.folder}/snapshots"', f'"{root}"\nwatch_s = 0.05')
    for name in ("run", "cases", "heads.jsonl", "ledger.db"):
        text = text.replace(f"{site.folder}/{name}", f"{place}/{name}")
    config.write_text(text)
    settings = load_settings(DEFAULTS, config)
    settings = settings.model_copy(
        update={"run": settings.run.model_copy(update={"broker": "memory", "pool": "inline"})}
    )
    ends, heard = open_ends(settings), Heard()
    with Station(settings, ends, SystemClock(), snapshot_watchers=[heard]) as station:
        station.start()
        thread = threading.Thread(target=station.run)
        thread.start()
        running = Running(station, ends, heard, root, site.photo(PERSON).read_bytes())
        try:
            running.serves(station.snapshot)
            yield running
        finally:
            station.stop()
            thread.join()


def test_check_ins_flow_through_promotions_and_rollbacks_across_spaces(running: Running, built: Snapshots) -> None:
    steps: list[tuple[str, Callable[[], object]]] = [
        (built.second, lambda: promote(running.root, built.second)),
        (built.elsewhere, lambda: promote(running.root, built.elsewhere)),
        (built.second, lambda: rollback(running.root)),
        (built.first, lambda: promote(running.root, built.first)),
        (built.second, lambda: rollback(running.root)),
    ]
    spaces = {snapshot: built.space(snapshot) for snapshot in (built.first, built.second, built.elsewhere)}
    assert spaces[built.first] == spaces[built.second] != spaces[built.elsewhere]
    for snapshot, step in steps:
        running.send(30)
        step()
        running.serves(snapshot)
        assert running.station.snapshot == snapshot
        assert {row.snapshot for row in running.rows(running.send(3))} == {snapshot}
    rows = running.rows(running.sent)
    assert {row.outcome for row in rows} == {Outcome.ACCEPTED}
    assert len({row.id for row in rows}) == len(running.sent) == len(steps) * 33
    assert all(row.embedding_space == spaces[row.snapshot] for row in rows)
    assert running.metric(MetricName.SNAPSHOT_SWITCHES) == len(steps)


def test_each_verdict_is_judged_by_its_own_snapshots_thresholds(running: Running, built: Snapshots) -> None:
    applied: dict[str, set[float]] = {}
    for snapshot in (built.elsewhere, built.first):
        running.send(10)
        promote(running.root, snapshot)
        running.serves(snapshot)
        running.rows(running.send(2))
    for row in running.rows(running.sent):
        evidence = running.station.ledger.evidence(row.id)
        assert evidence is not None
        thresholds = evidence["thresholds"]
        assert isinstance(thresholds, dict)
        applied.setdefault(row.snapshot, set()).add(thresholds["accept"]["similarity"])
    assert {snapshot: len(values) for snapshot, values in applied.items()} == {built.first: 1, built.elsewhere: 1}
    assert applied[built.first] != applied[built.elsewhere], "two precisions, two tables"


def test_verdicts_without_a_face_name_what_serves(running: Running, built: Snapshots) -> None:
    promote(running.root, built.elsewhere)
    running.serves(built.elsewhere)
    [row] = running.rows(running.send(1, Channel.FINGERPRINT))
    assert (row.snapshot, row.embedding_space) == (built.elsewhere, built.space(built.elsewhere))


def test_an_altered_pointer_is_refused_by_name_and_what_serves_serves_on(running: Running, built: Snapshots) -> None:
    pointers = running.root / POINTERS
    sound = pointers.read_bytes()
    pointers.write_bytes(sound.replace(built.first.encode(), built.second.encode(), 1))
    assert running.heard.refused.get(timeout=PATIENCE_S) == (None, "snapshot")
    assert {row.snapshot for row in running.rows(running.send(3))} == {built.first}
    assert running.metric(MetricName.SNAPSHOT_REFUSALS, code="snapshot") == 1
    pointers.write_bytes(sound)
    promote(running.root, built.second)
    running.serves(built.second)
    assert running.heard.refused.empty(), "told once"


def test_one_altered_byte_of_a_snapshot_is_refused_until_the_pointers_change(
    running: Running, built: Snapshots
) -> None:
    vectors = running.root / built.second / VECTORS
    content = bytearray(vectors.read_bytes())
    content[-1] ^= 1
    vectors.chmod(0o600)
    vectors.write_bytes(content)
    promote(running.root, built.second)
    assert running.heard.refused.get(timeout=PATIENCE_S) == (built.second, "snapshot")
    assert {row.snapshot for row in running.rows(running.send(3))} == {built.first}
    [told] = acknowledged(running, lambda one: one.refused == built.second)
    assert told.snapshot == built.first
    assert VECTORS in str(told.problem)
    rollback(running.root)
    promote(running.root, built.elsewhere)
    running.serves(built.elsewhere)
    [told] = acknowledged(running, lambda one: one.snapshot == built.elsewhere)
    assert (told.refused, told.problem) == (None, None)


def test_a_snapshot_whose_pack_is_not_here_is_refused(running: Running, built: Snapshots) -> None:
    promote(running.root, built.strange)
    assert running.heard.refused.get(timeout=PATIENCE_S) == (built.strange, "space_mismatch")
    assert {row.snapshot for row in running.rows(running.send(1))} == {built.first}


def test_a_station_says_what_it_serves_and_takes_its_word_back_at_the_end(built: Snapshots, tmp_path: Path) -> None:
    root = tmp_path / "snapshots"
    shutil.copytree(built.root, root, ignore=shutil.ignore_patterns("replicas", POINTERS))
    promote(root, built.first)
    with started(built.site, root, tmp_path) as running:
        [told] = acknowledged(running, lambda one: one.snapshot == built.first)
        assert (told.embedding_space, told.workers) == (built.space(built.first), 1)
    assert read_acknowledgements(root) == []


def test_a_replicas_name_is_one_whatever_the_host_is_called() -> None:
    assert replica_name("node-1.example", 7) == "node-1.example-7"
    assert replica_name("-ümlaut host", 7) == "mlaut-host-7"
    assert replica_name("", 7) == "replica-7"


def acknowledged(running: Running, wanted: Callable[[Acknowledgement], bool]) -> list[Acknowledgement]:
    """The acknowledgements, when one is as wanted."""
    until_s, pause = time.monotonic() + PATIENCE_S, threading.Event()
    told = read_acknowledgements(running.root)
    while not any(wanted(one) for one in told):
        assert time.monotonic() < until_s, told
        pause.wait(0.02)
        told = read_acknowledgements(running.root)
    return told
