"""`hadir index repair`: pointers that were lost or damaged are what they were, step by step as the messages advise."""

from __future__ import annotations

from hadir.core.clock import SystemClock
from hadir.index.acknowledgements import Acknowledgement, acknowledge
from hadir.index.pointers import POINTERS, read_pointers
from tests.app.yard import Yard


def test_altered_pointers_are_refused_by_name_until_they_are_repaired(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3, "--promote")["snapshot"]
    yard.replica(second)
    (yard.root / POINTERS).write_bytes(b"x")
    for command in ("list", "promote", "rollback", "show"):
        said = yard(command) if command != "show" else yard.site("index", "show", yard.root)
        assert said.code == 1
        assert "serving.json was altered" in said.problem()
        assert "hadir index repair" in said.problem()
    told = yard("history")
    assert (told.code, "not known whether it happened" in told.out) == (3, True)
    assert "hadir index repair" in told.problem()

    said = yard("repair")
    assert said.code == 0, said.err
    assert f"pointers repaired, serves: {second}" in said.out
    assert f"can go back to: {first}" in said.out
    now = read_pointers(yard.root)
    assert (now.current, now.previous) == (second, first)
    events = yard.document("history")["promotions"]
    assert [(one["action"], one["happened"]) for one in events] == [("promote", True)] * 2 + [("repair", True)]
    assert yard.document("rollback", "--wait", 0, code=3)["after"]["current"] == first


def test_pointers_that_are_gone_are_repaired_from_the_history_where_nobody_runs(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3, "--promote")["snapshot"]
    (yard.root / POINTERS).unlink()
    assert "hadir index repair" in yard.site("index", "show", yard.root).problem()
    assert yard.build("--synthetic", 2)["role"] == "candidate", "nothing takes the place of what served by itself"
    assert yard.document("repair")["after"]["current"] == second
    assert read_pointers(yard.root).previous == first
    assert yard.document("repair") == {"snapshot": second, "repaired": False}


def test_what_running_pipelines_serve_goes_before_a_change_that_they_never_saw(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3, "--promote")["snapshot"]
    (yard.root / POINTERS).unlink()
    yard.replica(first)
    assert yard.document("repair")["after"]["current"] == first
    assert [one["happened"] for one in yard.document("history")["promotions"]] == [True, False, True]
    assert second in {one["snapshot"] for one in yard.document("list")["snapshots"]}


def test_where_running_pipelines_disagree_the_snapshot_must_be_named(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3, "--promote")["snapshot"]
    (yard.root / POINTERS).unlink()
    now_ms = SystemClock().now_ms() + 60_000
    for number, snapshot in enumerate((first, second)):
        acknowledge(yard.root, Acknowledgement(f"kantor-{number}", "kantor", 1, snapshot, "space", 2, now_ms))
    assert "name the one that should" in yard("repair").problem()
    assert yard.document("repair", first, "--wait", 0, code=3)["after"]["previous"] == second


def test_a_damaged_snapshot_is_not_let_serve_by_a_repair(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3, "--promote")["snapshot"]
    (yard.root / POINTERS).unlink()
    (yard.root / second / "people.json").write_text("[]")
    assert yard.document("repair", code=4)["failed"] == ["snapshot sound"]
    assert yard.document("repair", first)["after"]["current"] == first
