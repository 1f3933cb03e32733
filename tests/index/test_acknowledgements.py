"""What running pipelines say they serve, and whether all of them serve the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hadir.core.errors import SnapshotError
from hadir.index.acknowledgements import (
    FOLDER,
    Acknowledgement,
    acknowledge,
    agreement,
    read_acknowledgements,
    withdraw,
)

NEW, OLD = "a" * 16, "b" * 16
NOW_MS = 1_700_000_000_000
TOLD = Acknowledgement("kantor-1", "kantor", 4711, NEW, "space-a", 4, NOW_MS)


def test_what_a_replica_says_is_read_back(tmp_path: Path) -> None:
    refusing = replace(TOLD, replica="kantor-2", snapshot=OLD, refused=NEW, problem="people.json was altered")
    acknowledge(tmp_path, refusing)
    acknowledge(tmp_path, TOLD)
    assert read_acknowledgements(tmp_path) == [TOLD, refusing]


def test_the_last_word_of_a_replica_counts(tmp_path: Path) -> None:
    for at_ms in (1, 2, 3):
        acknowledge(tmp_path, replace(TOLD, at_ms=at_ms))
    assert [told.at_ms for told in read_acknowledgements(tmp_path)] == [3]
    assert [path.name for path in (tmp_path / FOLDER).iterdir()] == ["kantor-1.json"]


def test_a_replica_that_has_ended_is_gone(tmp_path: Path) -> None:
    withdraw(tmp_path, "kantor-1")
    acknowledge(tmp_path, TOLD)
    withdraw(tmp_path, "kantor-1")
    assert read_acknowledgements(tmp_path) == []


@pytest.mark.parametrize("name", ["", "../kantor", ".hidden", "kantor 1", "k" * 101])
def test_a_name_that_is_no_files_name_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="a replica's name"):
        acknowledge(tmp_path, replace(TOLD, replica=name))


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[1]", b"{" * 20_000])
def test_a_file_that_says_nothing_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    acknowledge(tmp_path, TOLD)
    (tmp_path / FOLDER / "kantor-1.json").write_bytes(content)
    with pytest.raises(SnapshotError, match=r"kantor-1\.json does not say what a replica serves"):
        read_acknowledgements(tmp_path)


def test_nobody_speaks_for_another(tmp_path: Path) -> None:
    acknowledge(tmp_path, TOLD)
    (tmp_path / FOLDER / "kantor-1.json").rename(tmp_path / FOLDER / "kantor-2.json")
    with pytest.raises(SnapshotError, match=r"kantor-2\.json"):
        read_acknowledgements(tmp_path)


def test_replicas_are_told_apart_by_how_they_stand_with_a_snapshot() -> None:
    refusing = replace(TOLD, replica="r", snapshot=OLD, refused=NEW, problem="no pack of its space")
    pending = replace(TOLD, replica="p", snapshot=OLD)
    refused_another = replace(TOLD, replica="q", snapshot=OLD, refused="c" * 16, problem="altered")
    found = agreement([TOLD, refusing, pending, refused_another], NEW, NOW_MS, stale_after_s=10)
    assert (found.serving, found.refusing, found.pending) == ((TOLD,), (refusing,), (pending, refused_another))
    assert not found.reached


def test_agreement_is_reached_when_every_live_replica_serves_it() -> None:
    other = replace(TOLD, replica="kantor-2")
    assert agreement([TOLD, other], NEW, NOW_MS, stale_after_s=10).reached
    assert not agreement([TOLD, replace(other, snapshot=OLD)], NEW, NOW_MS, stale_after_s=10).reached


def test_a_replica_that_fell_silent_is_not_waited_for() -> None:
    silent = replace(TOLD, snapshot=OLD, at_ms=NOW_MS - 10_001)
    assert agreement([silent], NEW, NOW_MS, stale_after_s=10).reached
    assert not agreement([replace(silent, at_ms=NOW_MS - 10_000)], NEW, NOW_MS, stale_after_s=10).reached


def test_where_nobody_runs_everybody_agrees() -> None:
    assert agreement([], NEW, NOW_MS, stale_after_s=10).reached
