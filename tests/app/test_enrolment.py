"""What an enrolment refuses beyond a check-in, and what every refusal advises."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hadir.app.enrolment import MOUTH_OPEN, PHOTO_OF_ANOTHER, Enrolled, enrol
from hadir.app.enrolment_wording import advice
from hadir.app.photo_list import PersonPhoto, left_out, list_photos
from hadir.app.stores import space_of
from hadir.core.clock import ManualClock
from hadir.core.errors import InputError
from hadir.core.evidence import PhotoFinding
from hadir.core.verdict import PHOTO_CODES, QUALITY_CODES
from hadir.faces.pack import FacePack, PackInfo, PhotoResult, PhotoRules
from hadir.faces.packs import load_pack
from hadir.index.enrolments import Enrolments
from hadir.index.galleries import gallery_at
from hadir.index.gallery import open_gallery
from hadir.index.photo_store import PhotoStore
from hadir.index.storage import Storage
from hadir.index.templates import Grounds


class LippedPack:
    """Every photo holds a usable face whose lips are as far apart as the photo's text says, of a mesh or of none."""

    def __init__(self, info: PackInfo, points: int = 468) -> None:
        self.info = info
        self._points = points

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:  # noqa: ARG002 - the port names it
        return [self._result(float(photo.split()[0])) for photo in photos]

    def _result(self, openness: float) -> PhotoResult:
        points = np.zeros((self._points, 2), dtype=np.float32)
        if self._points == 468:
            points[308], points[14] = (100, 0), (0, 100 * openness)
        vector = np.zeros(self.info.dimension, dtype=np.float32)
        vector[0] = 1
        return PhotoResult(PhotoFinding(None), vector, points)


@pytest.fixture(scope="module")
def info() -> PackInfo:
    return load_pack("open").info


NOTHING = Grounds()


def enrolled(tmp_path: Path, pack: FacePack, photos: Sequence[str], grounds: Grounds = NOTHING) -> Enrolled:
    listed = []
    for number, text in enumerate(photos):
        path = tmp_path / f"{number}.jpg"
        path.write_text(text)
        listed.append(PersonPhoto(f"p{number}", path))
    place = Enrolments(Storage(tmp_path / "g"), PhotoStore(str(tmp_path / "p")))
    gallery = gallery_at(place.root, space_of(pack.info))
    clock = ManualClock(1)
    return enrol(listed, pack, place, gallery, grounds=grounds, clock=clock, advance=lambda _: None)


def test_an_open_mouth_is_refused_and_a_smile_is_not(tmp_path: Path, info: PackInfo) -> None:
    done = enrolled(tmp_path, LippedPack(info), ["0.1 a", "0.44 b", "0.46 c"])
    assert [(one.person, one.reason) for one in done.refused] == [("p2", MOUTH_OPEN)]
    assert done.people == {"p0", "p1"}


def test_a_pack_that_sees_no_lips_refuses_none(tmp_path: Path, info: PackInfo) -> None:
    five_points = LippedPack(replace(info, embedding_space="b" * 64), points=5)
    assert enrolled(tmp_path, five_points, ["0.9 a"]).refused == []


def test_one_photo_listed_for_two_people_is_nobodys_and_the_rest_goes_on(tmp_path: Path, info: PackInfo) -> None:
    done = enrolled(tmp_path, LippedPack(info), ["0.1 same", "0.1 same", "0.1 mine"])
    assert (done.added, done.people) == (1, {"p2"})
    assert [(one.person, one.reason, one.also) for one in done.refused] == [
        ("p0", PHOTO_OF_ANOTHER, ("p1/1.jpg",)),
        ("p1", PHOTO_OF_ANOTHER, ("p0/0.jpg",)),
    ]


def test_who_has_a_photo_as_a_template_keeps_it(tmp_path: Path, info: PackInfo) -> None:
    enrolled(tmp_path, LippedPack(info), ["0.1 same"])
    done = enrolled(tmp_path, LippedPack(info), ["0.1 same", "0.1 same"])
    assert (done.added, done.repeated, done.people) == (0, 1, {"p0"})
    assert [(one.person, one.also) for one in done.refused] == [("p1", ("p0/0.jpg",))]


def test_the_content_of_a_file_decides_and_what_is_left_out_is_counted(tmp_path: Path) -> None:
    person = tmp_path / "photos" / "a-1"
    (person / "more").mkdir(parents=True)
    names = ("a.jpg", "b.HEIC", "c.webp", "d", ".hidden.jpg", "list.csv", "notes.txt", "more/e.jpg", "../f.jpg")
    for name in names:
        (person / name).write_bytes(b"x")
    assert [photo.path.name for photo in list_photos(tmp_path / "photos")] == ["a.jpg", "b.HEIC", "c.webp", "d"]
    assert left_out(tmp_path / "photos") == 5


@pytest.mark.parametrize("code", sorted({*QUALITY_CODES, *PHOTO_CODES, MOUTH_OPEN, PHOTO_OF_ANOTHER}))
def test_every_refusal_advises_in_both_languages(code: str) -> None:
    says = advice(code)
    assert says.id and says.en
    assert says.id != says.en


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("person,photo\na-1,gone.jpg\n", "line 2: column photo is 'gone.jpg'"),
        ("person,photo\n198001012010011001,a.jpg\n", "not the NIP"),
        ("person,photo,colour\na-1,a.jpg,red\n", "column 'colour' is unknown"),
        ("photo\na.jpg\n", "column person is missing"),
        ("person,photo\na-1,gone.jpg\na-2,gone.jpg\n", "line 3"),
        ("person,photo\n", "no rows"),
        ("person,photo\n,a.jpg\n", "line 2: column person"),
    ],
)
def test_every_bad_line_of_a_list_is_named(tmp_path: Path, table: str, said: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    (tmp_path / "list.csv").write_text(table, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        list_photos(tmp_path / "list.csv")
    assert said in str(caught.value)
    assert "198001012010011001" not in str(caught.value)


def test_grounds_that_come_later_are_recorded_and_earlier_ones_stay(tmp_path: Path, info: PackInfo) -> None:
    photos = ["0.1 a", "0.1 b"]
    enrolled(tmp_path, LippedPack(info), photos[:1], Grounds("law", None))
    enrolled(tmp_path, LippedPack(info), photos)
    done = enrolled(tmp_path, LippedPack(info), photos, Grounds("another law", "2026-1"))
    assert (done.added, done.repeated, done.grounded) == (0, 2, 2)
    gallery = open_gallery(Storage(tmp_path / "g").within(info.embedding_space))
    told = {one.person: (one.legal_basis, one.notice_version) for one in gallery.templates()}
    assert told == {"p0": ("law", "2026-1"), "p1": ("another law", "2026-1")}
    assert enrolled(tmp_path, LippedPack(info), photos, Grounds("another law", "2026-1")).grounded == 0


def test_person_folders_that_are_links_are_not_counted_as_left_out(tmp_path: Path) -> None:
    (tmp_path / "kept" / "a-1").mkdir(parents=True)
    (tmp_path / "kept" / "a-1" / "a.jpg").write_bytes(b"x")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a-1").symlink_to(tmp_path / "kept" / "a-1")
    assert len(list_photos(tmp_path / "photos")) == 1
    assert left_out(tmp_path / "photos") == 0


def test_of_a_long_path_the_file_is_seen(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"person,photo\na-1,{'folder/' * 20}this.jpg\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"folder/this\.jpg"):
        list_photos(tmp_path / "list.csv")
