"""`hadir evaluate` on a few real photos: what it says, keeps and refuses."""

from __future__ import annotations

import csv
import os
import re
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.app.command_line import hadir
from tests.app.site import Site

pytestmark = pytest.mark.models

FACES = Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "faces"
PEOPLE = 40
"""With two photos each, 3,120 pairs of two people: as many as a rate of 1e-2 needs."""


def folders(name: str) -> list[Path]:
    if not (FACES / name).is_dir():
        pytest.skip(f"the test photos {name} are not here: set HADIR_TEST_DATA to the folder that holds faces/")
    return sorted(path for path in (FACES / name).iterdir() if path.is_dir())


def listed(people: list[Path], photos: int, target: Path) -> Path:
    with target.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["person", "photo"])
        rows.writerows([p.name, str(photo)] for p in people for photo in sorted(p.glob("*.jpg"))[:photos])
    return target


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return listed(folders("lfw_subset")[:PEOPLE], 2, tmp_path_factory.mktemp("photos") / "tested.csv")


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """110 people, three of whom are tested."""
    others = [*folders("lfw_cohort")[:110], *folders("lfw_subset")[:3]]
    return listed(others, 1, tmp_path_factory.mktemp("cohort") / "cohort.csv")


@pytest.fixture(scope="module")
def roster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("roster") / "roster.csv"
    names = [folder.name for folder in folders("lfw_subset")[:PEOPLE]]
    lines = [f"{name};Nama {name};{'dinas-besar' if n < 33 else 'dinas-kecil'}" for n, name in enumerate(names)]
    path.write_text("\n".join(["person;name;unit", *lines]), encoding="utf-8")
    return path


def test_the_document_holds_every_figure(photos: Path, cohort: Path, roster: Path, tmp_path: Path) -> None:
    drawings, page = tmp_path / "drawn", tmp_path / "accuracy.html"
    drawings.mkdir()
    said = hadir(
        *("evaluate", photos, "--cohort", cohort, "--slices", roster, "--occlude", "hijab"),
        *("--draw", drawings, "--report", page, "--json"),
    )
    assert said.code == 0
    found = said.document()
    assert (found["images"], found["failed_to_enrol"], found["people"]) == (80, 0, PEOPLE)
    assert (found["pairs_genuine"], found["pairs_impostor"]) == (40, 3120)
    assert (found["photos_per_template"], found["photos_per_probe"]) == (1, 1)
    assert found["cohort"] == {"people": 110, "excluded_because_tested": 3, "nearest": 60}
    same_keys = {"pairs_genuine", "pairs_impostor", "eer", "fnmr_at_fmr", "fnmr_ci95", "similarity_at_fmr", "det"}
    assert same_keys <= found.keys() & found["normalised"].keys()
    assert found["normalised"]["pairs_impostor"] == 3120
    assert found["fnmr_at_fmr"]["1e-2"] is not None
    assert found["fnmr_at_fmr"]["1e-3"] is None
    assert found["identification"]["gallery_people"] == 20
    assert len(found["closest_impostors"]) == len(found["weakest_people"]) == 20
    large, small = found["slices"]
    assert (large["value"], large["people"], list(large["at_fmr"])) == ("dinas-besar", 33, ["1e-2"])
    assert small == {"column": "unit", "value": None, "values_too_small": 1, "people": 7}
    assert "Nama" not in said.out
    worn = found["occlusion"]
    assert (worn["kind"], worn["on"], worn["photos"], worn["faces_not_found"]) == ("hijab", "probe", 80, 0)
    assert worn["at_own_threshold"]["pairs_genuine"] == 80
    assert 0 <= worn["at_plain_threshold"]["1e-2"]["fnmr"] <= 1
    assert worn["normalised"]["at_plain_threshold"].keys() == {"1e-2"}
    pictures = sorted(drawings.glob("*.png"))
    assert len(pictures) == 24
    picture = np.asarray(cv2.imread(str(pictures[0])))
    plain, drawn = picture[:, :250], picture[:, 250:]
    assert (plain != drawn).mean() > 0.2
    page_is_whole(page.read_text(encoding="utf-8"))


def page_is_whole(html: str) -> None:
    """It needs nothing from elsewhere, and holds every table."""
    links = set(re.findall(r"""(?:src|href|url)\s*[=(]\s*["']?(?!#)([^"')\s>]+)""", html))
    assert not {link for link in links if not link.startswith("#")}
    assert "<script" not in html
    assert html.count("<svg") == 5
    for head in ("Searching everybody", "Closest impostors", "Weakest people", "Slices", "With hijab drawn on probes"):
        assert head in html


def test_probes_of_two_photos_are_compared_with_templates_of_two(tmp_path: Path) -> None:
    photos = listed(folders("lfw_subset")[:12], 4, tmp_path / "tested.csv")
    found = hadir("evaluate", photos, "--photos-per-template", 2, "--photos-per-probe", 2, "--json").document()
    assert (found["photos_per_template"], found["photos_per_probe"]) == (2, 2)
    assert (found["pairs_genuine"], found["pairs_impostor"]) == (12, 12 * 11)


def test_people_are_told_what_machines_are(photos: Path, roster: Path) -> None:
    said = hadir("evaluate", photos, "--slices", roster, "--occlude", "mask", "--occlude-both")
    assert said.code == 0
    for words in ("EER", "with mask drawn on probes and templates", "unit dinas-besar", "weakest people", "1:N"):
        assert words in said.out


@pytest.mark.parametrize(
    ("arguments", "code", "named"),
    [
        ("--draw {folder}", 2, "--occlude"),
        ("--occlude-both", 2, "--occlude"),
        ("--occlude helmet", 2, "'helmet' is not one of"),
        ("--photos-per-probe 5", 2, "--photos-per-probe"),
        ("--report {folder}/none/page.html", 1, "no folder"),
        ("--report {folder}", 1, "is a folder"),
        ("--occlude hijab --draw {folder}/none", 1, "no folder"),
        ("--cohort {folder}/none", 1, "neither a folder"),
        ("--cohort {photos}", 1, "0 people for a cohort"),
        ("--slices {folder}/none.csv", 1, "cannot be read"),
        ("--slices {folder}/no-person.csv", 1, "person is missing"),
        ("--slices {folder}/alone.csv", 1, "no column to slice by"),
        ("--slices {folder}/others.csv", 1, "none of the 40 people"),
        ("--photos-per-template 2", 1, "one with over 2 photo"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    photos: Path, tmp_path: Path, arguments: str, code: int, named: str
) -> None:
    (tmp_path / "no-person.csv").write_text("unit\na\n", encoding="utf-8")
    (tmp_path / "alone.csv").write_text("person,name\na,b\n", encoding="utf-8")
    (tmp_path / "others.csv").write_text("person,unit\na,b\n", encoding="utf-8")
    said = hadir("evaluate", photos, *arguments.format(folder=tmp_path, photos=photos).split())
    assert said.code == code
    assert named in said.problem()
    assert not (tmp_path / "none").exists()


def test_where_another_pack_serves_than_is_measured_that_is_said(
    served_site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for person in ("P00001", "P00004"):
        (tmp_path / person).mkdir()
        for number in (1, 2):
            (tmp_path / person / f"{number}.jpg").write_bytes(served_site.photo(person).read_bytes())
    serves = served_site("index", "show", "--json").document()["precision"]
    said = served_site("evaluate", tmp_path)
    assert said.err == ""
    assert said.out.startswith(f"open {serves}: 4 photos of 2 people")
    other = "fp16" if serves == "int8" else "int8"
    monkeypatch.setenv("HADIR_FACES__PRECISION", other)
    said = served_site("evaluate", tmp_path, "--json")
    assert f"measured: open {other}" in said.err
    assert f"what serves: open {serves}" in said.err
    assert said.document()["pack"] == "open"
