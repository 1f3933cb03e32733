"""`hadir reindex`: exit codes that never hide a loss, and everything in between said."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.options import settings_of
from hadir.app.run_folder import held as run_folder_held
from hadir.app.stores import gallery_root, photo_store
from hadir.index.galleries import galleries
from tests.app.site import Site, make_site

FP16 = ("--pack", "open", "--precision", "fp16")
"""Another embedding space than int8, without another pack."""


@pytest.fixture
def site(people: list[RealPerson], tmp_path: Path) -> Site:
    """Enrolled in int8, which serves; everything in this process."""
    made = make_site(tmp_path, people, round(time.time() * 1000), '[faces]\nprecision = "int8"\n')
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(text.replace("[run]\n", '[run]\npool = "inline"\n'), encoding="utf-8")
    made.serve()
    return made


def held(site: Site) -> dict[str, set[tuple[str, str]]]:
    """Precision to everybody's photos."""
    found = galleries(gallery_root(settings_of(site.config)))
    return {gallery.space.precision: {(t.person, t.id) for t in gallery.templates()} for gallery in found}


def test_everybody_has_a_template_in_the_new_space_and_what_serves_is_untouched(site: Site) -> None:
    before = site("index", "show", "--json").document()["snapshot"]
    said = site("reindex", *FP16, "--json")
    document = said.document()
    assert said.code == 0
    assert (document["failed"], document["lost"]) == ([], [])
    assert document["photos_per_s"] > 0
    assert document["embedded"] == document["photos"] == len(held(site)["int8"])
    assert held(site)["fp16"] == held(site)["int8"]
    assert site("index", "show", "--json").document()["snapshot"] == before
    report = json.loads(Path(document["report"]).read_text(encoding="utf-8"))
    assert report == {key: value for key, value in document.items() if key != "report"}
    assert Path(document["report"]).stat().st_mode & 0o077 == 0


def test_the_next_step_that_it_names_can_be_taken(site: Site) -> None:
    said = site("reindex", *FP16)
    (following,) = [line.partition("next: ")[2] for line in said.out.splitlines() if "next: " in line]
    assert following.startswith("hadir index build --pack ")
    assert site(*following.split()[1:]).code == 0


def test_a_dry_run_counts_and_changes_nothing(site: Site) -> None:
    document = site("reindex", *FP16, "--dry-run", "--json").document()
    assert (document["photos"], document["to_do"], document["already"]) == (len(held(site)["int8"]),) * 2 + (0,)
    assert document["missing"] == []
    assert document["estimate_s"] > 0
    assert "fp16" not in held(site)
    assert not (site.folder / "run-reindex").exists()


def test_a_lost_photo_of_somebody_who_has_another_is_partly_done(site: Site) -> None:
    people = sorted(held(site)["int8"])
    (site.photos / people[0][0] / "second.png").write_bytes(
        (site.photos / people[0][0] / "first.jpg").read_bytes() + b"\0"
    )
    assert site("enroll", site.photos).code in {0, 3}
    store = photo_store(settings_of(site.config))
    store.forget(people[0][1])
    said = site("reindex", *FP16, "--json")
    assert said.code == 3
    assert said.document()["failed"] == [{"person": people[0][0], "photo": people[0][1], "reason": "photo_missing"}]
    store.forget(people[1][1])
    assert site("reindex", *FP16).code == 3, "what was embedded stays, what failed is tried again"
    store.forget(people[1][1])
    assert site("reindex", *FP16).code == 3, "a template needs its photo no longer"


def test_a_dry_run_reports_an_altered_photo_as_the_run_does(site: Site) -> None:
    (person, photo), *_ = sorted(held(site)["int8"])
    (site.photos / person / "second.png").write_bytes(site.photo(person).read_bytes() + b"\0")
    assert site("enroll", site.photos).code in {0, 3}
    kept = site.folder / "kept" / photo[:2] / photo
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    foretold = site("reindex", *FP16, "--dry-run", "--json")
    assert foretold.code == 3
    assert foretold.document()["altered"] == [{"person": person, "photo": photo}]
    assert (foretold.document()["missing"], foretold.document()["lost"]) == ([], [])
    said = site("reindex", *FP16, "--dry-run")
    assert f"{person}/{photo[:12]}" in said.out
    assert site("reindex", *FP16, "--json").document()["failed"] == [
        {"person": person, "photo": photo, "reason": "photo_altered"}
    ]


def test_somebody_without_any_template_is_a_failed_gate_and_named(site: Site) -> None:
    person, photo = min(held(site)["int8"])
    photo_store(settings_of(site.config)).forget(photo)
    foretold = site("reindex", *FP16, "--dry-run", "--json").document()
    said = site("reindex", *FP16)
    assert said.code == 4
    assert f"{person}/{photo[:12]}: photo_missing" in said.err
    assert "Belum boleh dipakai" in said.out
    assert foretold["lost"] == [person]
    assert foretold["missing"] == [{"person": person, "photo": photo}]
    assert {p for p, _ in held(site)["int8"]} - {p for p, _ in held(site)["fp16"]} == {person}


def test_the_space_that_serves_already_is_refused(site: Site) -> None:
    said = site("reindex", "--pack", "open", "--json")
    assert said.code == 1
    assert said.document()["error"] == "input"
    assert "serve already" in said.document()["message"]


def test_a_second_one_in_the_same_run_folder_is_refused(site: Site) -> None:
    with run_folder_held(site.folder / "run-reindex"):
        said = site("reindex", *FP16)
    assert said.code == 1
    assert "another run uses the run folder" in said.problem()


@pytest.mark.parametrize("pack", ["no-such-pack", "."])
def test_what_is_no_pack_is_refused_before_anything_starts(site: Site, pack: str) -> None:
    said = site("reindex", "--pack", pack, "--json")
    assert (said.code, said.document()["error"]) == (1, "pack")
    assert not (site.folder / "run-reindex").exists()


def test_nobody_enrolled_is_one_sentence(people: list[RealPerson], tmp_path: Path) -> None:
    site = make_site(tmp_path, people, round(time.time() * 1000))
    said = site("reindex", *FP16)
    assert said.code == 1
    assert "enrol people first" in said.problem()
