"""Until every running pipeline serves a snapshot, or for as long as somebody wants to wait."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hadir.app.replica_wait import wait_for_replicas
from hadir.core.clock import ManualClock
from hadir.core.errors import SnapshotError
from hadir.index.acknowledgements import FOLDER, Acknowledgement, Agreement, acknowledge

NEW, OLD = "a" * 16, "b" * 16
START_MS = 1_000_000
TOLD = Acknowledgement("kantor-1", "kantor", 1, OLD, "space", 2, START_MS)


def waited(root: Path, clock: ManualClock, sleep: Callable[[float], None], wait_s: float = 30) -> Agreement:
    return wait_for_replicas(root, NEW, wait_s, 10, clock=clock, sleep=sleep)


def test_it_ends_as_soon_as_all_serve_it(tmp_path: Path) -> None:
    acknowledge(tmp_path, TOLD)
    clock = ManualClock(START_MS)

    def follow(seconds: float) -> None:
        clock.advance(seconds)
        if clock.now_ms() >= START_MS + 1000:
            acknowledge(tmp_path, replace(TOLD, snapshot=NEW, at_ms=clock.now_ms()))

    found = waited(tmp_path, clock, follow)
    assert found.reached
    assert clock.now_ms() < START_MS + 1500


def test_a_replica_that_dies_meanwhile_is_not_waited_for(tmp_path: Path) -> None:
    acknowledge(tmp_path, TOLD)
    clock = ManualClock(START_MS)
    assert waited(tmp_path, clock, clock.advance).reached
    assert START_MS + 10_000 < clock.now_ms() < START_MS + 11_000


def test_one_that_refuses_ends_the_waiting(tmp_path: Path) -> None:
    acknowledge(tmp_path, replace(TOLD, refused=NEW, problem="no pack"))
    clock = ManualClock(START_MS)
    found = waited(tmp_path, clock, clock.advance)
    assert [one.problem for one in found.refusing] == ["no pack"]
    assert clock.now_ms() == START_MS


def test_who_is_late_is_named_in_the_end(tmp_path: Path) -> None:
    acknowledge(tmp_path, replace(TOLD, at_ms=START_MS + 60_000))
    clock = ManualClock(START_MS)
    assert [one.replica for one in waited(tmp_path, clock, clock.advance, wait_s=3).pending] == ["kantor-1"]
    assert START_MS + 3000 <= clock.now_ms() < START_MS + 3500


def test_a_damaged_word_may_heal_while_waiting_and_is_told_in_the_end(tmp_path: Path) -> None:
    acknowledge(tmp_path, TOLD)
    damaged = tmp_path / FOLDER / "kantor-1.json"
    damaged.write_text("{}")
    clock = ManualClock(START_MS)

    def heal(seconds: float) -> None:
        clock.advance(seconds)
        acknowledge(tmp_path, replace(TOLD, snapshot=NEW))

    assert waited(tmp_path, clock, heal).reached
    damaged.write_text("{}")
    with pytest.raises(SnapshotError, match=r"kantor-1\.json"):
        waited(tmp_path, clock, clock.advance, wait_s=1)
