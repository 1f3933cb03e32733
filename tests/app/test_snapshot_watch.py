"""A running station takes what the pointers name, refuses by name what cannot serve, and loses no check-in by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.snapshot_watch import replica_name
from hadir.core.check_in import Channel
from hadir.core.metrics import MetricName
from hadir.core.verdict import Outcome, Reason
from hadir.index.acknowledgements import Acknowledgement, read_acknowledgements
from hadir.index.galleries import gallery_at
from hadir.index.pointers import POINTERS, promote, rollback
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.snapshot_checks import VECTORS
from hadir.index.storage import Storage
from tests.app.watched_site import PATIENCE_S, Running, Snapshots, build_snapshots, copy_of, started


@pytest.fixture(scope="module")
def built(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Snapshots:
    return build_snapshots(tmp_path_factory.mktemp("watched"), people)


@pytest.fixture
def running(built: Snapshots, tmp_path: Path) -> Iterator[Running]:
    with started(built.site, copy_of(built, tmp_path), tmp_path) as station:
        yield station


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


def test_a_snapshot_of_nobody_serves_and_nobody_is_refused_by_it(running: Running, built: Snapshots) -> None:
    """What serves after the last person was erased: who checks in is not enrolled, which a human looks at."""
    before = load_snapshot(running.root / built.first)
    empty = gallery_at(Storage(running.root.parent / "empty"), before.manifest.space)
    nobody = build_snapshot(running.root, empty, 0, "test", calibration=before.calibration, nobody=True).name
    promote(running.root, nobody)
    running.serves(nobody)
    (row,) = running.rows(running.send(1))
    assert (row.outcome, row.reasons, row.snapshot) == (Outcome.REVIEW, (Reason.NOT_ENROLLED,), nobody)


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
    root = copy_of(built, tmp_path)
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
