"""A site whose snapshot normalises scores: from enrolled photos to a verdict and its explanation."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from hadir.app.demo_people import RealPerson
from hadir.faces.packs import load_pack
from hadir.index.galleries import only_gallery
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.templates import Template
from tests.app.site import HERE, Site, make_site

CROWD = 240
"""Enough single photos for 30/1e-3 comparisons; drawn where real ones lie, enrolled as if they were people."""

ID = "0b7a2c5e-6a52-4c1f-8f0f-6d2c6c9a1b11"


@pytest.fixture(scope="module")
def site(people: list[RealPerson], tmp_path_factory: pytest.TempPathFactory) -> Site:
    site = make_site(tmp_path_factory.mktemp("normalised"), people, round(time.time() * 1000))
    assert site("enroll", site.photos).code in {0, 3}
    gallery = only_gallery(Storage(str(site.folder / "gallery")))
    info = load_pack("open").info
    assert info.statistics is not None
    vectors, _ = draw_people(read_statistics(info.statistics, info.precision), CROWD, seed=3)
    gallery.add(
        [Template(f"{n:064x}", f"crowd-{n:03d}", vector, 1) for n, vector in enumerate(vectors)], gallery.space.name
    )
    assert site("index", "build", "--normalisation", "on").code == 0
    return site


@pytest.mark.parametrize(("claimed", "code"), [("P00001", 0), ("P00003", 4)])
def test_a_face_is_verified_by_its_normalised_score(site: Site, claimed: str, code: int) -> None:
    said = site("verify", "--person", claimed, "--photo", site.photo("P00001"), "--json")
    found = said.document()
    assert (said.code, found["passes"], found["scale"]) == (code, code == 0, "as-norm")
    assert (found["normalised"] >= found["threshold"]) is (code == 0)
    told = site("verify", "--person", claimed, "--photo", site.photo("P00001")).out
    assert "normalised" in told
    assert "as-norm at FMR 0.001" in told


def test_a_verdict_is_decided_and_explained_in_the_same_scale(site: Site) -> None:
    now = datetime.now(UTC).isoformat()
    claim = {"id": ID, "person": "P00001", "captured_at": now, "photos": "P00001/first.jpg", **HERE}
    ran = site("run", "--broker", "memory", "--pool", "inline", "--input", site.list_of([claim]))
    assert ran.code == 0, ran.err
    told = site("explain", ID).out
    assert "normalised (AS-norm)" in told
    assert "accept at FMR 0.001 needs" in told
    evidence = site("explain", ID, "--json").document()["revisions"][0]["evidence"]
    accept, claimed = evidence["thresholds"]["accept"], evidence["face"]["claimed"]
    assert (accept["scale"], accept["source"]) == ("as-norm", "snapshot")
    assert claimed["normalised"] >= accept["similarity"]
    assert evidence["face"]["cohort"]["size"] == 60
    assert site("ledger", "verify").code == 0


def test_a_fresh_snapshot_after_an_erasure_still_normalises(site: Site) -> None:
    erased = site("gallery", "erase", "crowd-007", "--reason", "test")
    assert erased.code == 0, erased.err
    shown = site("index", "show", "--json").document()
    assert shown["normalisation"]["on"] is True
    assert shown["people"] < CROWD + 8


def test_the_doctor_says_that_scores_are_normalised(site: Site) -> None:
    assert "aktif · on (AS-norm, 60 nearest): as asked for" in site("doctor").out
