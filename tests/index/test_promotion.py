"""The history of what served: written before it happens, true after a crash at any step."""

from __future__ import annotations

from pathlib import Path

import pytest

from hadir.core.errors import SnapshotError
from hadir.index.gallery import Gallery
from hadir.index.gates import GateResult
from hadir.index.pointers import POINTERS, read_pointers, set_candidate
from hadir.index.promotion import HISTORY, Note, promote_noted, read_history, rollback_noted
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


def test_the_history_of_altered_pointers_is_not_told_as_if_it_were_known(tmp_path: Path, ids: list[str]) -> None:
    promote_noted(tmp_path, ids[0], NOTE)
    (tmp_path / POINTERS).write_bytes(b"{}")
    with pytest.raises(SnapshotError, match=r"serving\.json was altered"):
        read_history(tmp_path)
