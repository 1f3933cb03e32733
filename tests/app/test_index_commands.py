"""`hadir index`: built, compared, promoted through gates, rolled back and pruned, with everything told."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson
from hadir.core.clock import SystemClock
from hadir.index.galleries import spaces
from hadir.index.pointers import read_pointers
from hadir.index.promotion import HISTORY
from hadir.index.snapshot_diff import enrolled
from hadir.index.storage import Storage
from tests.app.programs import HADIR
from tests.app.site import Site, make_site
from tests.app.yard import Yard

SERVABLE = ["snapshot sound", "pack is here", "rates supported"]
SOUND = {*SERVABLE, "people kept", "self-recall", "FNMR", "calibration", "replicas agree"}


@pytest.fixture
def gates(yard: Yard, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Use gates of one's own."""

    def use(content: str) -> None:
        path = yard.root.parent / "gates.toml"
        path.write_text(content)
        monkeypatch.setenv("HADIR_STORES__GATES", str(path))

    return use


def test_the_first_snapshot_serves_at_once_and_later_ones_wait(yard: Yard) -> None:
    said = yard("build")
    assert said.code == 0
    assert "the first snapshot here, it serves at once" in said.out
    first = read_pointers(yard.root).current
    later = yard.build("--synthetic", 3)
    assert later["role"] == "candidate"
    assert (read_pointers(yard.root).current, read_pointers(yard.root).candidate) == (first, later["snapshot"])


def test_building_what_serves_already_says_so(yard: Yard) -> None:
    yard.build()
    assert "it serves already" in yard("build").out


def test_a_build_may_be_promoted_in_the_same_breath(yard: Yard) -> None:
    yard.build()
    built = yard.build("--synthetic", 3, "--promote", "--reason", "rehearsal")
    assert built["role"] == "current"
    assert built["promotion"]["promoted"]
    assert {gate["name"] for gate in built["promotion"]["gates"]} == SOUND


def test_all_snapshots_are_listed_with_their_roles(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3)["snapshot"]
    listed = {one["snapshot"]: one for one in yard.document("list")["snapshots"]}
    assert {name: one["role"] for name, one in listed.items()} == {first: "current", second: "candidate"}
    assert listed[second]["synthetic"] == 3
    assert (listed[first]["pack"], listed[first]["calibrated"]) == ("open", False)
    said = yard("list").out
    assert f"{first} current" in said
    assert listed[first]["licence"] in said


def test_a_damaged_snapshot_is_listed_as_such(yard: Yard) -> None:
    first = yard.build()["snapshot"]
    (yard.root / first / "manifest.json").write_text("{}")
    assert "manifest.json" in yard.document("list")["snapshots"][0]["problem"]


def test_a_difference_names_who_is_lost(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--gallery", yard.without(2))["snapshot"]
    found = yard.document("diff")
    assert (found["before"], found["after"]) == (first, second)
    assert len(found["lost"]) == 2
    assert (found["gained"], found["changed"], found["same_space"]) == ([], [], True)
    assert yard.document("diff", second, first)["gained"] == found["lost"]
    assert all(person in yard("diff").out for person in found["lost"])


def test_a_difference_needs_two(yard: Yard) -> None:
    yard.build()
    assert yard("diff").code == 2


def test_a_promotion_through_the_gates_and_back_is_told_in_the_history(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3)["snapshot"]
    promoted = yard.document("promote", "--reason", "photos of March", "--by", "siti")
    assert {gate["name"]: gate["ok"] for gate in promoted["gates"]} == dict.fromkeys(SOUND, True)
    assert yard.document("rollback", "--by", "budi")["after"]["current"] == first
    told = yard.document("history")["promotions"]
    assert [(one["action"], one["to_snapshot"], one["note"]["by"]) for one in told][1:] == [
        ("promote", second, "siti"),
        ("rollback", first, "budi"),
    ]
    assert told[1]["note"]["reason"] == "photos of March"
    assert told[1]["note"]["gates"] == promoted["gates"]
    assert "siti: photos of March" in yard("history").out


def test_a_lost_person_fails_and_nothing_changes(yard: Yard) -> None:
    first = yard.build()["snapshot"]
    yard.build("--gallery", yard.without(1))
    before = read_pointers(yard.root)
    refused = yard.document("promote", code=4)
    assert (refused["failed"], refused["promoted"]) == (["people kept"], False)
    assert read_pointers(yard.root) == before
    assert before.current == first
    said = yard("promote")
    assert said.code == 4
    assert "1 lost" in said.out
    assert "nothing changed: people kept" in said.err


def test_people_whose_vectors_were_mixed_up_do_not_find_themselves(yard: Yard) -> None:
    """Such a snapshot is sound in itself: only the gallery tells whose vectors these are."""
    yard.build()
    yard.build("--gallery", yard.mixed_up())
    refused = yard.document("promote", code=4)
    assert refused["failed"] == ["self-recall"]
    (recall,) = [gate["figures"] for gate in refused["gates"] if gate["name"] == "self-recall"]
    assert recall["people"] - recall["found"] == 2


def test_a_failed_gate_can_be_forced_with_a_reason_that_is_kept(yard: Yard) -> None:
    yard.build()
    second = yard.build("--gallery", yard.without(1))["snapshot"]
    assert yard("promote", "--force").code == 2
    assert yard.document("promote", "--force", "--reason", "left the service")["after"]["current"] == second
    last = yard.document("history")["promotions"][-1]["note"]
    assert (last["forced"], last["reason"]) == (True, "left the service")
    assert "forced: people kept" in yard("history").out


def test_a_snapshot_that_cannot_serve_cannot_be_forced(yard: Yard) -> None:
    first = yard.build()["snapshot"]
    second = yard.build("--synthetic", 3)["snapshot"]
    vectors = yard.root / second / "vectors.faiss"
    content = bytearray(vectors.read_bytes())
    content[-1] ^= 1
    vectors.write_bytes(content)
    refused = yard.document("promote", "--force", "--reason", "must be", code=4)
    assert refused["failed"] == ["snapshot sound"]
    assert "vectors.faiss was altered" in refused["gates"][0]["value"]
    assert read_pointers(yard.root).current == first


def test_a_damaged_current_one_is_no_reason_to_trust_the_next(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3)["snapshot"]
    (yard.root / first / "people.json").write_text("[]")
    refused = yard.document("promote", code=4)
    assert refused["failed"] == ["people kept", "FNMR", "calibration"]
    assert yard.document("promote", "--force", "--reason", "disk fault")["after"]["current"] == second


def test_rates_that_nothing_supports_cannot_be_forced(
    yard: Yard, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No pipeline would start with them."""
    policy = tmp_path / "policy.toml"
    policy.write_text(
        'name = "strict"\nversion = "1"\nvalid_from = 2020-01-01\n'
        "[rates]\naccept_fmr = 1e-6\nreview_fmr = 1e-6\nidentify_fmr = 1e-6\n"
    )
    yard.build()
    yard.build("--synthetic", 3)
    monkeypatch.setenv("HADIR_ATTENDANCE__POLICY", str(policy))
    refused = yard.document("promote", "--force", "--reason", "must be", code=4)
    assert [gate["name"] for gate in refused["gates"]] == SERVABLE
    assert refused["failed"] == ["rates supported"]


def test_gates_of_ones_own_decide_and_an_unknown_key_is_named(yard: Yard, gates: Callable[[str], None]) -> None:
    yard.build()
    yard.build("--gallery", yard.without(1))
    gates("[people]\nlost = 1\n")
    assert "'lost'" in yard("promote").problem()
    gates("[people]\nlost_most = 1\n")
    assert yard.document("promote")["promoted"]


def test_golden_photos_take_the_place_of_the_enrolled_ones(
    yard: Yard, gates: Callable[[str], None], tmp_path: Path
) -> None:
    """Two people, each with the same photo twice: nobody is missed by either snapshot."""
    for person in sorted(path.name for path in yard.site.photos.iterdir() if path.is_dir())[:2]:
        (tmp_path / "golden" / person).mkdir(parents=True)
        for copy in ("a.jpg", "b.jpg"):
            shutil.copy(yard.site.photo(person), tmp_path / "golden" / person / copy)
    gates(f'[accuracy]\ngolden = "{tmp_path}/golden"\npeople_least = 2\n')
    yard.build()
    yard.build("--synthetic", 3)
    (measured,) = [gate for gate in yard.document("promote")["gates"] if gate["name"] == "FNMR"]
    assert (measured["figures"]["photos"], measured["figures"]["fnmr_after"]) == (4, 0.0)


def test_replicas_that_do_not_agree_fail(yard: Yard) -> None:
    first = yard.build()["snapshot"]
    yard.build("--synthetic", 3)
    yard.replica("f" * 16)
    assert yard.document("promote", code=4)["failed"] == ["replicas agree"]
    yard.replica(first)
    assert yard.document("promote", "--wait", 0, code=3)["promoted"]


def test_a_replica_that_refuses_is_named_with_its_reason_and_not_waited_for(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3)["snapshot"]
    yard.replica(first, refused=second, problem="vectors.faiss was altered")
    said = yard("promote", "--wait", 3600)
    assert said.code == 3
    assert "kantor-1" in said.out
    assert "refuses it: vectors.faiss was altered" in said.out


def test_promoting_what_serves_already_asks_a_replica_again_that_refused_it(yard: Yard) -> None:
    first = yard.build()["snapshot"]
    before = read_pointers(yard.root)
    yard.replica("f" * 16, refused=first, problem="no pack of its space")
    again = yard.document("promote", first, code=3)
    assert again["after"]["generation"] == before.generation + 1
    assert again["replicas"]["refusing"][0]["problem"] == "no pack of its space"
    assert len(yard.document("history")["promotions"]) == 1


def test_promoting_needs_something_that_waits(yard: Yard) -> None:
    yard.build()
    said = yard("promote")
    assert said.code == 2
    assert "no snapshot waits" in said.problem()
    assert yard("promote", "0123456789abcdef").code == 1


def test_there_is_nothing_to_roll_back_to_after_the_first_one(yard: Yard) -> None:
    yard.build()
    said = yard("rollback")
    assert said.code == 1
    assert "nothing to go back to" in said.problem()


def test_going_back_to_a_damaged_one_is_refused(yard: Yard) -> None:
    first, second = yard.build()["snapshot"], yard.build("--synthetic", 3, "--promote")["snapshot"]
    (yard.root / first / "people.json").write_text("[]")
    assert yard.document("rollback", code=4)["failed"] == ["snapshot sound"]
    assert read_pointers(yard.root).current == second


def test_across_embedding_spaces_pack_and_snapshot_change_together_and_back(
    served_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The open pack's two precisions are two spaces; the settings name one of them all the while."""
    yard = Yard(served_site, tmp_path / "snapshots")
    galleries = tmp_path / "galleries"
    shutil.copytree(served_site.folder / "gallery", galleries)
    monkeypatch.setenv("HADIR_STORES__GALLERY", str(galleries))
    first = yard.build()
    other = "fp16" if first["precision"] == "int8" else "int8"
    with monkeypatch.context() as settings:
        settings.setenv("HADIR_FACES__PRECISION", other)
        assert served_site("enroll", served_site.photos, "--pack", "open").code in {0, 3}
    (space,) = {one.name for one in spaces(Storage(galleries))} - {first["embedding_space"]}
    second = yard.build("--space", space)
    assert (second["precision"], second["role"]) == (other, "candidate")
    assert not yard.document("diff")["same_space"]

    refused = yard.document("promote", code=4)
    assert refused["failed"] == ["FNMR"]
    assert "not enough data" in next(gate["value"] for gate in refused["gates"] if gate["name"] == "FNMR")
    assert yard.document("promote", "--force", "--reason", "rehearsal")["promoted"]
    person = min(enrolled(yard.root / second["snapshot"]).people)
    monkeypatch.setenv("HADIR_STORES__SNAPSHOTS", str(yard.root))
    verified = served_site("verify", "--person", person, "--photo", served_site.photo(person), "--json").document()
    assert (verified["snapshot"], verified["passes"]) == (second["snapshot"], True)

    assert yard.document("rollback")["after"]["current"] == first["snapshot"]
    verified = served_site("verify", "--person", person, "--photo", served_site.photo(person), "--json").document()
    assert (verified["snapshot"], verified["passes"]) == (first["snapshot"], True)


def test_what_has_a_role_or_a_replica_is_never_pruned(yard: Yard) -> None:
    ids = [yard.build(), *(yard.build("--synthetic", n, "--promote") for n in (1, 2, 3, 4))]
    names = [one["snapshot"] for one in ids]
    yard.replica(names[0])
    assert yard.document("prune", "--keep", 0, "--dry-run")["would_delete"] == [names[2], names[1]]
    assert yard.document("prune", "--keep", 1)["deleted"] == [names[1]]
    assert yard.document("prune", "--keep", 0)["deleted"] == [names[2]]
    left = {one["snapshot"]: one["role"] for one in yard.document("list")["snapshots"]}
    assert left == {names[0]: None, names[3]: "previous", names[4]: "current"}


def test_a_line_of_the_history_that_cannot_be_read_is_told(yard: Yard) -> None:
    yard.build()
    with (yard.root / HISTORY).open("a") as file:
        file.write("not json\n")
    said = yard("history")
    assert said.code == 3
    assert "line 2 cannot be read" in said.problem()
    assert yard.document("history", code=3)["damaged_lines"] == [2]


def test_an_id_that_is_not_there_is_said_to_be_none(served_site: Site) -> None:
    for command in ("show", "verify"):
        for wrong in ("nothere", "0123456789abcdef"):
            said = served_site("index", command, wrong)
            assert said.code == 1
            assert wrong in said.problem()
            assert "hadir index list" in said.problem()
            assert "serves" not in said.problem()


def test_a_reader_who_turns_away_does_not_leave_a_snapshot_without_a_role(yard: Yard) -> None:
    yard.build()
    arguments = ("index", "build", "--synthetic", "3", "--snapshots", yard.root, "--config", yard.site.config)
    with subprocess.Popen([HADIR, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        process.communicate()
    assert read_pointers(yard.root).candidate is not None


def test_of_several_galleries_the_one_that_serves_is_built_unless_another_is_named(
    people: list[RealPerson], tmp_path: Path
) -> None:
    site = make_site(tmp_path, people, SystemClock().now_ms(), '[faces]\nprecision = "int8"\n')
    text = site.config.read_text(encoding="utf-8")
    site.config.write_text(text.replace("[run]\n", '[run]\npool = "inline"\n'), encoding="utf-8")
    site.serve()
    assert site("reindex", "--pack", "open", "--precision", "fp16").code == 0
    assert site("index", "build", "--json").document()["precision"] == "int8"
    assert site("calibrate").code == 0
    other = next(space for space in spaces(Storage(site.folder / "gallery")) if space.precision == "fp16")
    assert site("index", "build", "--pack", other.name, "--json").document()["precision"] == "fp16"


def test_a_snapshot_is_shown_and_verified_by_its_id(served_site: Site) -> None:
    snapshot = served_site("index", "show", "--json").document()["snapshot"]
    assert served_site("index", "show", snapshot, "--json").document()["snapshot"] == snapshot
    assert served_site("index", "verify", snapshot, "--json").document()["sound"]
