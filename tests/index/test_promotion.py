"""The history of what served: written before it happens, true after a crash at any step."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadir.core.errors import SnapshotError
from hadir.index.gallery import Gallery
from hadir.index.gates import GateResult
from hadir.index.manifest import MANIFEST, manifest_to_json, read_manifest
from hadir.index.pointers import POINTERS, read_pointers, set_candidate
from hadir.index.promotion import (
    HISTORY,
    Note,
    promote_noted,
    read_history,
    refresh_noted,
    restore_noted,
    rollback_noted,
    standing,
)
from hadir.index.snapshot_build import build_snapshot

NOTE = Note(7, "siti", "more photos", forced=True, gates=(GateResult("people kept", "0 lost", "≤ 0", ok=True),))


@pytest.fixture
def ids(tmp_path: Path, gallery: Gallery) -> list[str]:
    first = build_snapshot(tmp_path, gallery, 1, "0.1.0").name
    gallery.remove("p03")
    return [first, build_snapshot(tmp_path, gallery, 1, "0.1.0").name]


def test_who_when_why_and_every_figure_are_kept(tmp_path: Path, ids: list[str]) -> None:
    promote_noted(tmp_path, ids[0], NOTE)
    rolled = Note(9, "budi", "doors refuse everybody")
    promote_noted(tmp_path, ids[1], NOTE)
    rollback_noted(tmp_path, rolled)
    told = read_history(tmp_path)
    assert [(one.action, one.from_snapshot, one.to_snapshot, one.generation) for one in told.promotions] == [
        ("promote", None, ids[0], 1),
        ("promote", ids[0], ids[1], 2),
        ("rollback", ids[1], ids[0], 3),
    ]
    assert [one.note for one in told.promotions] == [NOTE, NOTE, rolled]
    assert (told.undone, told.damaged) == (frozenset(), ())


def test_where_nothing_happened_there_is_no_history(tmp_path: Path) -> None:
    assert read_history(tmp_path).promotions == ()


def test_a_promotion_of_what_serves_already_is_no_event(tmp_path: Path, ids: list[str]) -> None:
    promote_noted(tmp_path, ids[0], NOTE)
    promote_noted(tmp_path, ids[0], NOTE)
    assert len(read_history(tmp_path).promotions) == 1


def test_a_line_that_cannot_be_written_stops_the_promotion(
    tmp_path: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = promote_noted(tmp_path, ids[0], NOTE)

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full_disk)
    with pytest.raises(OSError, match="No space"):
        promote_noted(tmp_path, ids[1], NOTE)
    assert read_pointers(tmp_path) == before


def test_a_crash_between_line_and_pointers_leaves_a_line_that_did_not_happen(
    tmp_path: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    promote_noted(tmp_path, ids[0], NOTE)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as crash:
        crash.setattr("hadir.index.pointers_file.write_durably", killed)
        with pytest.raises(KeyboardInterrupt):
            promote_noted(tmp_path, ids[1], NOTE)
    assert read_history(tmp_path).undone == {1}
    set_candidate(tmp_path, ids[1])
    assert read_history(tmp_path).undone == {1}
    promote_noted(tmp_path, ids[1], NOTE)
    told = read_history(tmp_path)
    assert len(told.promotions) == 3
    assert told.undone == {1}


def test_a_line_that_a_crash_tore_is_told_and_stands_in_nobodys_way(tmp_path: Path, ids: list[str]) -> None:
    promote_noted(tmp_path, ids[0], NOTE)
    with (tmp_path / HISTORY).open("ab") as file:
        file.write(b'{"action":"promo')
    promote_noted(tmp_path, ids[1], NOTE)
    told = read_history(tmp_path)
    assert [one.to_snapshot for one in told.promotions] == ids
    assert (told.undone, told.damaged) == (frozenset(), (2,))


@pytest.mark.parametrize("damage", [lambda path: path.write_bytes(b"{}"), Path.unlink], ids=["altered", "gone"])
def test_without_pointers_nobody_knows_whether_the_last_change_happened(
    tmp_path: Path, ids: list[str], damage: Callable[[Path], object]
) -> None:
    promote_noted(tmp_path, ids[0], NOTE)
    promote_noted(tmp_path, ids[1], NOTE)
    damage(tmp_path / POINTERS)
    told = read_history(tmp_path)
    assert [told.happened(0), told.happened(1)] == [True, None]
    assert told.problem is not None
    assert "hadir index repair" in told.problem
    assert (standing(told).current, standing(told).previous) == (ids[1], ids[0])
    assert (standing(told, last_happened=False).current, standing(told, False).previous) == (ids[0], None)


STEPS = st.lists(
    st.tuples(st.sampled_from(["promote", "refresh", "rollback", "repair"]), st.integers(0, 2)), max_size=8
)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(STEPS)
def test_the_history_replayed_is_what_the_pointers_say(
    tmp_path_factory: pytest.TempPathFactory, gallery: Gallery, steps: list[tuple[str, int]]
) -> None:
    root = tmp_path_factory.mktemp("snapshots")
    ids = [f"{number:016x}" for number in range(3)]
    built = build_snapshot(root, gallery, 1, "0.1.0")
    for identity in ids:
        shutil.copytree(built, root / identity)
        manifest = replace(read_manifest(built), id=identity)
        (root / identity / MANIFEST).write_bytes(manifest_to_json(manifest))
    for step, number in steps:
        with suppress(SnapshotError):
            take(root, step, ids[number])
    now, told = read_pointers(root), standing(read_history(root))
    assert (told.current, told.previous) == (now.current, now.previous)
    assert told.generation <= now.generation
    assert read_history(root).undone == frozenset()


def take(root: Path, step: str, snapshot: str) -> None:
    if step == "promote":
        promote_noted(root, snapshot, NOTE)
    elif step == "refresh":
        refresh_noted(root, snapshot, NOTE)
    elif step == "rollback":
        rollback_noted(root, NOTE)
    elif read_history(root).promotions:
        (root / POINTERS).unlink()
        restore_noted(root, snapshot, standing(read_history(root)), NOTE)
