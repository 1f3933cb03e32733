"""What serves, waits and can be gone back to: changed in one step, and never read wrongly."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hadir.core.errors import SnapshotError
from hadir.index.gallery import Gallery
from hadir.index.pointers import (
    POINTERS,
    Pointers,
    discard,
    nudge,
    promote,
    read_pointers,
    resolve,
    retire,
    rollback,
    set_candidate,
    snapshot_ids,
)
from hadir.index.snapshot_build import build_snapshot


@pytest.fixture
def ids(tmp_path: Path, gallery: Gallery) -> list[str]:
    """Three snapshots under `tmp_path`/snapshots, in the order in which they were built."""
    built = []
    for leaver in (None, "p03", "p04"):
        if leaver is not None:
            gallery.remove(leaver)
        built.append(build_snapshot(tmp_path / "snapshots", gallery, 1, "0.1.0").name)
    return built


@pytest.fixture
def root(tmp_path: Path, ids: list[str]) -> Path:
    assert snapshot_ids(tmp_path / "snapshots") == sorted(ids)
    return tmp_path / "snapshots"


def test_what_serves_is_found_from_the_folder_of_snapshots(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    assert resolve(root) == root / ids[0]


def test_a_snapshot_stands_for_itself(root: Path, ids: list[str]) -> None:
    assert resolve(root / ids[1]) == root / ids[1]


def test_nothing_serves_until_one_is_promoted(root: Path, ids: list[str]) -> None:
    set_candidate(root, ids[0])
    with pytest.raises(SnapshotError, match="no snapshot serves"):
        resolve(root)


def test_a_promotion_keeps_what_served_as_the_previous_one(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    set_candidate(root, ids[1])
    assert promote(root, ids[1]) == Pointers(current=ids[1], previous=ids[0], generation=3)
    assert read_pointers(root) == Pointers(current=ids[1], previous=ids[0], generation=3)


def test_promoting_another_one_lets_the_candidate_wait_on(root: Path, ids: list[str]) -> None:
    set_candidate(root, ids[2])
    assert promote(root, ids[1]).candidate == ids[2]


def test_a_rollback_serves_the_previous_one_and_a_second_one_undoes_it(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    promote(root, ids[1])
    assert rollback(root) == Pointers(current=ids[0], previous=ids[1], generation=3)
    assert rollback(root) == Pointers(current=ids[1], previous=ids[0], generation=4)


def test_there_is_nothing_to_go_back_to_after_the_first_one(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    with pytest.raises(SnapshotError, match="nothing to go back to"):
        rollback(root)
    assert resolve(root).name == ids[0]


def test_going_back_to_what_was_deleted_is_refused(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    promote(root, ids[1])
    (root / ids[0]).rename(root / "elsewhere")
    with pytest.raises(SnapshotError, match=f"snapshot {ids[0]} is not under"):
        rollback(root)
    assert resolve(root).name == ids[1]


def test_a_change_that_changes_nothing_is_none(root: Path, ids: list[str]) -> None:
    first = promote(root, ids[0])
    written = (root / POINTERS).stat().st_mtime_ns
    assert promote(root, ids[0]) == set_candidate(root, ids[0]) == retire(root, [ids[1]]) == first
    assert (root / POINTERS).stat().st_mtime_ns == written


def test_a_nudge_changes_the_generation_alone(root: Path, ids: list[str]) -> None:
    before = promote(root, ids[0])
    assert nudge(root) == replace(before, generation=2)
    assert read_pointers(root) == replace(before, generation=2)


def test_where_nothing_serves_nobody_can_be_nudged(root: Path, ids: list[str]) -> None:
    set_candidate(root, ids[0])
    with pytest.raises(SnapshotError, match="no snapshot serves"):
        nudge(root)


def test_what_is_retired_neither_waits_nor_is_gone_back_to(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    promote(root, ids[1])
    set_candidate(root, ids[2])
    assert retire(root, [ids[0], ids[2]]) == Pointers(current=ids[1], generation=4)


def test_what_serves_cannot_be_retired(root: Path, ids: list[str]) -> None:
    before = promote(root, ids[0])
    with pytest.raises(SnapshotError, match="promote another one"):
        retire(root, ids)
    assert read_pointers(root) == before


def test_what_is_discarded_is_gone_and_what_has_a_role_stays(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    with pytest.raises(SnapshotError, match=f"{ids[0]} is the current one"):
        discard(root, [ids[1], ids[0]])
    assert snapshot_ids(root) == sorted(ids)
    (root / f".deleting-{ids[1]}-cut-off").mkdir()
    discard(root, [ids[1]])
    assert snapshot_ids(root) == sorted({ids[0], ids[2]})
    assert not list(root.glob(".deleting*"))


@pytest.mark.parametrize("change", [promote, set_candidate], ids=["promote", "set_candidate"])
@pytest.mark.parametrize("wrong", ["0123456789abcdef", "../../etc", ""])
def test_naming_what_is_not_there_changes_nothing(
    root: Path, ids: list[str], change: Callable[[Path, str], Pointers], wrong: str
) -> None:
    before = promote(root, ids[0])
    with pytest.raises(SnapshotError):
        change(root, wrong)
    assert read_pointers(root) == before


def test_a_damaged_manifest_cannot_be_made_to_serve(root: Path, ids: list[str]) -> None:
    (root / ids[0] / "manifest.json").write_text("{}")
    with pytest.raises(SnapshotError, match=r"manifest\.json"):
        promote(root, ids[0])


def test_a_decision_about_what_has_changed_meanwhile_is_refused(root: Path, ids: list[str]) -> None:
    seen = promote(root, ids[0]).generation
    promote(root, ids[1])
    with pytest.raises(SnapshotError, match="changed meanwhile"):
        promote(root, ids[2], seen)
    with pytest.raises(SnapshotError, match="changed meanwhile"):
        rollback(root, seen)
    assert resolve(root).name == ids[1]


def test_every_altered_byte_is_found_by_the_files_name(root: Path, ids: list[str]) -> None:
    """Also one that leaves the JSON's meaning as it was: the bytes are canonical."""
    promote(root, ids[0])
    promote(root, ids[1])
    sound = (root / POINTERS).read_bytes()
    for place in range(len(sound)):
        for flip in (0x01, 0x20, 0x80):
            altered = bytearray(sound)
            altered[place] ^= flip
            (root / POINTERS).write_bytes(altered)
            with pytest.raises(SnapshotError, match=r"serving\.json was altered"):
                read_pointers(root)


@pytest.mark.parametrize("content", [b"", b"null", b"[" * 2000, b"{}", b"\xff" * 16, b" " * 5000])
def test_what_are_no_pointers_is_refused_and_not_written_over(root: Path, ids: list[str], content: bytes) -> None:
    (root / POINTERS).write_bytes(content)
    for change in (promote, set_candidate):
        with pytest.raises(SnapshotError, match=r"serving\.json was altered.*hadir index repair"):
            change(root, ids[0])
    assert (root / POINTERS).read_bytes() == content


def test_a_shortened_or_lengthened_file_is_refused(root: Path, ids: list[str]) -> None:
    promote(root, ids[0])
    sound = (root / POINTERS).read_bytes()
    for content in (sound[:-1], sound[:40], sound + b"\n"):
        (root / POINTERS).write_bytes(content)
        with pytest.raises(SnapshotError, match="altered"):
            resolve(root)


def test_a_crash_before_the_rename_leaves_what_served(
    root: Path, ids: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = promote(root, ids[0])

    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        promote(root, ids[1])
    monkeypatch.undo()
    assert read_pointers(root) == before
    assert promote(root, ids[1]).current == ids[1]


def _flip(root: Path, ids: list[str], mine: int, said: Connection) -> None:
    said.send([promote(root, ids[(mine + number) % 2]) for number in range(60)])


def test_writers_exclude_each_other_so_that_no_change_is_lost(root: Path, ids: list[str]) -> None:
    """Two that wrote at once would give one generation two meanings."""
    promote(root, ids[2])
    context = multiprocessing.get_context("fork")
    pipes = [context.Pipe(duplex=False) for _ in range(2)]
    writers = [context.Process(target=_flip, args=(root, ids, mine, said)) for mine, (_, said) in enumerate(pipes)]
    for writer in writers:
        writer.start()
    wrote = [pointers for heard, _ in pipes for pointers in heard.recv()]
    for writer in writers:
        writer.join()
    meanings = {pointers.generation: pointers for pointers in wrote}
    assert all(meanings[pointers.generation] == pointers for pointers in wrote)
    assert sorted(meanings) == list(range(2, read_pointers(root).generation + 1))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.sampled_from(["promote", "candidate", "rollback", "retire"]), st.integers(0, 2))))
def test_whatever_is_done_what_served_before_can_serve_again(
    root: Path, ids: list[str], steps: list[tuple[str, int]]
) -> None:
    (root / POINTERS).unlink(missing_ok=True)
    for step, which in steps:
        before = read_pointers(root)
        try:
            after = _take(root, step, ids[which])
        except SnapshotError:
            assert read_pointers(root) == before
            continue
        assert read_pointers(root) == after
        assert after.generation == before.generation + (after != before)
        assert after.current not in {after.candidate, after.previous} - {None}
        if after.current != before.current:
            assert after.previous == before.current


def _take(root: Path, step: str, snapshot_id: str) -> Pointers:
    match step:
        case "promote":
            return promote(root, snapshot_id)
        case "candidate":
            return set_candidate(root, snapshot_id)
        case "retire":
            return retire(root, [snapshot_id])
        case _:
            return rollback(root)
