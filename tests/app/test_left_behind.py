"""A way back that leaves people behind says who and how to bring them along, and that way works."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.options import settings_of
from hadir.app.stores import gallery_root
from hadir.index.galleries import spaces
from hadir.index.pointers import read_pointers
from hadir.index.promotion import HISTORY
from hadir.index.snapshot_diff import enrolled
from tests.app.site import Site, make_site

LATE = "P00001"
"""Who is enrolled after the others."""


@pytest.fixture
def site(people: list[RealPerson], tmp_path: Path) -> Site:
    """Everybody but one is enrolled in int8, which serves; everything in this process."""
    made = make_site(tmp_path, people, round(time.time() * 1000), '[faces]\nprecision = "int8"\n')
    text = made.config.read_text(encoding="utf-8")
    made.config.write_text(text.replace("[run]\n", '[run]\npool = "inline"\n'), encoding="utf-8")
    (made.photos / LATE).rename(made.folder / LATE)
    made.serve()
    return made


def enrol_late(site: Site, *options: str) -> None:
    later = site.folder / "later"
    later.mkdir()
    shutil.copytree(site.folder / LATE, later / LATE)
    assert site("enroll", later, *options).code == 0


def change_space(site: Site) -> None:
    """The open pack's other precision serves."""
    assert site("reindex", "--pack", "open", "--precision", "fp16").code == 0
    (space,) = [one.name for one in spaces(gallery_root(settings_of(site.config))) if one.precision == "fp16"]
    assert site("index", "build", "--pack", space).code == 0
    assert site("index", "promote", "--force", "--reason", "trial").code == 0


def serving(site: Site) -> set[str]:
    root = site.folder / "snapshots"
    return set(enrolled(root / (read_pointers(root).current or "")).people)


def test_a_way_back_across_spaces_names_whom_it_leaves_behind_and_they_catch_up(site: Site) -> None:
    change_space(site)
    enrol_late(site, "--serve")
    assert LATE in serving(site)

    said = site("index", "rollback", "--reason", "back")
    assert said.code == 3
    assert LATE not in serving(site)
    assert "1 orang tidak lagi dikenali, presensinya menjadi not_enrolled · served a minute ago and do " in said.err
    assert LATE in said.err
    assert "hadir reindex, hadir index build, hadir index promote" in said.err
    assert LATE not in (site.folder / "snapshots" / HISTORY).read_text()

    caught_up = site("reindex", "--json")
    assert (caught_up.code, caught_up.document()["embedded"], caught_up.document()["people"]) == (0, 1, 1)
    assert site("index", "build").code == 0
    promoted = site("index", "promote")
    assert promoted.code == 0, promoted.out
    assert LATE in serving(site)
    again = site("reindex")
    assert again.code == 1
    assert "serve already" in again.problem()


def test_the_pack_that_serves_may_be_named_to_catch_up(site: Site) -> None:
    change_space(site)
    enrol_late(site, "--serve")
    assert site("index", "rollback", "--json").document()["lost"] == [LATE]
    dry = site("reindex", "--pack", "open", "--precision", "int8", "--dry-run", "--json").document()
    assert (dry["people"], dry["to_do"]) == (1, 1)
    said = site("reindex", "--pack", "open", "--precision", "int8")
    assert said.code == 0
    assert "next: hadir index build, then hadir index promote" in said.out


def test_a_way_back_in_the_same_space_needs_no_reindex(site: Site) -> None:
    assert site("index", "build", "--synthetic", 3, "--promote").code == 0
    enrol_late(site, "--serve")
    said = site("index", "rollback")
    assert said.code == 3
    assert "bring them along: hadir index build, hadir index promote" in said.err
    assert "reindex" not in said.err
    assert site("index", "build", "--promote").code == 0
    assert LATE in serving(site)


def test_a_way_back_that_loses_nobody_is_done(site: Site) -> None:
    assert site("index", "build", "--synthetic", 3, "--promote").code == 0
    said = site("index", "rollback", "--json")
    assert (said.code, said.document()["lost"]) == (0, [])


def test_who_was_enrolled_after_a_candidate_was_built_is_lost_by_it(site: Site) -> None:
    assert site("index", "build", "--synthetic", 3).code == 0
    enrol_late(site)
    refused = site("index", "promote", "--json")
    assert (refused.code, refused.document()["failed"]) == (4, ["people kept"])
    assert site("index", "build", "--synthetic", 3, "--promote").code == 0


def test_who_was_erased_is_not_lost(site: Site) -> None:
    enrol_late(site, "--serve")
    assert site("index", "build", "--synthetic", 3).code == 0
    assert site("gallery", "erase", LATE, "--reason", "asked").code == 0
    assert site("index", "build", "--synthetic", 3, "--promote").code == 0
