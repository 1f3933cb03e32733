"""Reconciling beside a running pipeline: each record once, faults until they are mended, notes that outlive a crash."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prometheus_client import generate_latest

from hadir.app.reconciling import NOTES, Reconciling, Standing
from hadir.core.check_in import CheckIn
from hadir.core.errors import LedgerUnavailable
from hadir.pipeline.memory_reader import MemoryReader
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.reconcile import FaultKind
from hadir.pipeline.reconciler import Reconciler
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.world import World, a_check_in, check_in_message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


def reconciling(world: World, folder: Path, told: list[Standing] | None = None, every_s: float = 3600) -> Reconciling:
    one = Reconciler(MemoryReader(world.log), world.ledger, CHECK_INS, "hadir", lambda *_: "u")
    heard = told if told is not None else []
    return Reconciling(one, folder, every_s=every_s, share=1.0, clock=world.clock, told=heard.append)


def decide(world: World, count: int) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(count)))
    world.intake().run_until_idle()


def lose(world: World) -> CheckIn:
    """One check-in whose offset is committed, as automatic commits do before a crash."""
    lost = a_check_in("p-1")
    world.send(check_in_message(lost))
    ends = {p: world.log.end(CHECK_INS, p) for p in world.log.partitions(CHECK_INS)}
    world.log.commit(CHECK_INS, "hadir", ends)
    return lost


def notes(folder: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((folder / NOTES).read_bytes())
    return read


def test_each_record_is_looked_at_once_also_after_a_restart(world: World, tmp_path: Path) -> None:
    decide(world, 10)
    assert reconciling(world, tmp_path).look().records == 10
    decide(world, 3)
    assert reconciling(world, tmp_path).look().records == 3
    assert sum(notes(tmp_path)["checked"].values()) == 13


def test_a_loss_that_lag_cannot_see_is_told_with_its_id_in_notes_log_and_metrics(world: World, tmp_path: Path) -> None:
    decide(world, 5)
    lost, metrics = lose(world), StreamMetrics(world.clock)
    heard: list[Standing] = []
    ends = {p: world.log.end(CHECK_INS, p) for p in world.log.partitions(CHECK_INS)}
    assert world.log.committed(CHECK_INS, "hadir") == ends, "lag is 0"
    with structlog.testing.capture_logs() as logged:
        standing = reconciling(world, tmp_path, heard).look()
    metrics.on_reconciled(standing.at_ms, standing.records, standing.faults)
    assert heard == [standing]
    assert standing.said() == "missing 1, doubled 0"
    assert [one["id"] for one in notes(tmp_path)["faults"]] == [lost.id]
    [said] = [line for line in logged if line["log_level"] == "error"]
    assert (said["event"], said["missing"], said["first"]) == ("received_and_decided_differ", 1, [lost.id])
    assert b'hadir_reconcile_faults{kind="missing"} 1.0' in generate_latest(metrics.registry)


def test_a_fault_stands_from_round_to_round_until_it_is_mended(world: World, tmp_path: Path) -> None:
    lose(world)
    for _ in range(2):
        assert reconciling(world, tmp_path).look().faults[FaultKind.MISSING] == 1
    world.log.commit(CHECK_INS, "hadir", dict.fromkeys(world.log.partitions(CHECK_INS), 0))
    world.intake().run_until_idle()
    assert not any(reconciling(world, tmp_path).look().faults.values())
    assert notes(tmp_path)["faults"] == []


def test_a_round_that_fails_notes_nothing_and_the_next_looks_again(world: World, tmp_path: Path) -> None:
    decide(world, 4)
    one = reconciling(world, tmp_path)
    kept = world.ledger._database
    with pytest.MonkeyPatch.context() as patch, pytest.raises(LedgerUnavailable):

        def down(*_: object) -> None:
            raise LedgerUnavailable("down")

        patch.setattr(kept, "snapshot", down)
        one.look()
    assert not (tmp_path / NOTES).exists()
    assert one.look().records == 4


@pytest.mark.parametrize("content", [b"", b"not json", b'{"topic": 1}'])
def test_notes_that_cannot_be_read_are_begun_anew(world: World, tmp_path: Path, content: bytes) -> None:
    decide(world, 4)
    (tmp_path / NOTES).write_bytes(content)
    assert reconciling(world, tmp_path).look().records == 4


def test_the_thread_looks_by_itself_and_ends_when_asked(world: World, tmp_path: Path) -> None:
    decide(world, 6)
    heard: list[Standing] = []
    with reconciling(world, tmp_path, heard, every_s=0.01) as running:
        while not heard:
            running._thread.join(0.01)
    assert not running._thread.is_alive()
    assert heard[0].records == 6
