"""Photos and templates that come and go together, through kills at every step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from hashlib import sha256
from itertools import product
from pathlib import Path

import pytest

from hadir.core.errors import GalleryError, InputError
from hadir.core.sealed_json import seal
from hadir.index.enrolments import PENDING, Enrolments, Forgotten
from hadir.index.envelope import Envelope
from hadir.index.galleries import gallery_at
from hadir.index.gallery import MOST_SMALL_PARTS, Gallery
from hadir.index.gallery_list import read_list
from hadir.index.photo_store import PhotoStore
from hadir.index.refusals import REFUSALS, Refusal, Refusals
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template

Make = Callable[..., Template]
Photo = tuple[bytes, Template]


class Killed(BaseException):
    """Stands for SIGKILL: nothing may catch it and clean up."""


class FailingStorage(Storage):
    """Dies at its n-th change (a write or a deletion), before it or right after it."""

    left = 10**9
    after = False
    """Of the class: all storages of a process die at once."""

    def write(self, name: str, content: bytes) -> None:
        self._strike(False)
        super().write(name, content)
        self._strike(True)

    def delete(self, name: str) -> bool:
        self._strike(False)
        there = super().delete(name)
        self._strike(True)
        return there

    def within(self, folder: str) -> Storage:
        return FailingStorage(f"{self.uri}/{folder}")

    def _strike(self, after: bool) -> None:
        if after != FailingStorage.after:
            return
        FailingStorage.left -= 1
        if FailingStorage.left < 0:
            raise Killed


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Enrolments]:
    yield Enrolments(Storage(tmp_path / "galleries"), PhotoStore(str(tmp_path / "photos")))
    FailingStorage.left = 10**9


@pytest.fixture
def photo(template: Make) -> Callable[..., Photo]:
    """The photo of this number: its bytes and its template."""

    def make(person: str, number: int) -> Photo:
        content = str(number).encode()
        made = template(person, number)
        assert made.id == sha256(content).hexdigest()
        return content, made

    return make


def mortal(tmp_path: Path, kill: tuple[int, bool]) -> Enrolments:
    """The same place, killed at one of its changes."""
    FailingStorage.left, FailingStorage.after = kill
    return Enrolments(FailingStorage(tmp_path / "galleries"), PhotoStore(FailingStorage(tmp_path / "photos")))


def named(place: Enrolments) -> set[str]:
    return set(place.owners())


def test_photos_and_templates_are_kept_together(
    place: Enrolments, space: EmbeddingSpace, photo: Callable[..., Photo]
) -> None:
    gallery = gallery_at(place.root, space)
    with place.exclusive():
        place.keep(gallery, [photo("a", 1), photo("a", 2)])
    assert set(place.photos.ids()) == named(place)
    assert place.photos.read(photo("a", 1)[1].id) == b"1"
    assert not place.root.exists(PENDING)


@pytest.mark.parametrize("kill", list(product(range(8), [False, True])), ids=str)
def test_a_kill_leaves_no_face_unnamed_and_loses_nothing_that_was_reported(
    place: Enrolments,
    tmp_path: Path,
    space: EmbeddingSpace,
    photo: Callable[..., Photo],
    kill: tuple[int, bool],
) -> None:
    gallery_at(place.root, space)
    with place.exclusive():
        place.keep(gallery_at(place.root, space), [photo("a", 1)])
    dying = mortal(tmp_path, kill)
    ended = False
    try:
        with dying.exclusive():
            dying.keep(gallery_at(dying.root, space), [photo("b", 2), photo("b", 3)], [Refusal("b", "f" * 64, "x", 1)])
        ended = True
    except Killed:
        pass
    FailingStorage.left = 10**9
    assert photo("a", 1)[1].id in named(place)
    with place.exclusive():
        assert set(place.photos.ids()) == named(place)
        if ended:
            assert {t.person for t in gallery_at(place.root, space).templates()} == {"a", "b"}
        place.keep(gallery_at(place.root, space), [photo("b", 2), photo("b", 3)])
    assert set(place.photos.ids()) == named(place) == {photo("a", n)[1].id for n in (1, 2, 3)}


def test_the_kills_of_this_file_reach_every_change(
    tmp_path: Path, space: EmbeddingSpace, photo: Callable[..., Photo]
) -> None:
    dying = mortal(tmp_path, (1000, False))
    gallery = gallery_at(dying.root, space)
    before = FailingStorage.left
    with dying.exclusive():
        dying.keep(gallery, [photo("b", 2), photo("b", 3)], [Refusal("b", "f" * 64, "x", 1)])
    assert before - FailingStorage.left == 7  # refusals, note, two photos, part, list, note gone
    before = FailingStorage.left
    with dying.exclusive():
        dying.forget("b")
    assert before - FailingStorage.left == 7  # note, list, part gone, refusals, two photos gone, note gone


@pytest.mark.parametrize("kill", list(product(range(8), [False, True])), ids=str)
def test_a_killed_erasure_is_finished_by_the_next_one(
    place: Enrolments,
    tmp_path: Path,
    space: EmbeddingSpace,
    photo: Callable[..., Photo],
    kill: tuple[int, bool],
) -> None:
    other = replace(space, name="space-b")
    with place.exclusive():
        for each in (space, other):
            place.keep(gallery_at(place.root, each), [photo("a", 1), photo("b", 2)], [Refusal("b", "f" * 64, "x", 1)])
    dying = mortal(tmp_path, kill)
    try:
        with dying.exclusive():
            dying.forget("b")
    except Killed:
        pass
    FailingStorage.left = 10**9
    with place.exclusive():
        place.forget("b")
        assert place.forget("b") == Forgotten(0, (), 0)
    assert set(place.owners().values()) == {"a"}
    assert place.photos.ids() == [photo("a", 1)[1].id]
    assert Refusals(gallery_at(place.root, other).storage).all() == []


def test_half_a_photo_that_a_kill_left_is_deleted_by_the_next_step(
    place: Enrolments, tmp_path: Path, space: EmbeddingSpace, photo: Callable[..., Photo]
) -> None:
    """`write_durably` was killed between writing aside and renaming."""
    gallery_at(place.root, space)
    identity = photo("a", 1)[1].id
    place.root.write(PENDING, f'["{identity}"]'.encode())
    half = tmp_path / "photos" / identity[:2] / f".{identity}.0a1b2c3d.tmp"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half a face")
    assert place.photos.ids() == []
    with place.exclusive():
        assert not half.exists()


def test_a_forgotten_person_is_gone_from_every_space_and_nobody_else_is(
    place: Enrolments, space: EmbeddingSpace, photo: Callable[..., Photo], tmp_path: Path
) -> None:
    other = replace(space, name="space-b")
    with place.exclusive():
        place.keep(gallery_at(place.root, space), [photo("erase-me", 1), photo("b", 2)])
        place.keep(gallery_at(place.root, other), [photo("erase-me", 1)], [Refusal("erase-me", "e" * 64, "blurred", 1)])
        assert place.forget("erase-me") == Forgotten(2, (photo("erase-me", 1)[1].id,), 1)
    assert set(place.owners().values()) == {"b"}
    assert not any(b"erase-me" in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_a_second_one_who_enrols_is_told_so_at_once(place: Enrolments) -> None:
    with (
        place.exclusive(),
        pytest.raises(GalleryError, match="another process enrols or erases"),
        place.exclusive(),
    ):
        pass


def test_a_photo_of_another_person_is_not_kept(
    place: Enrolments, space: EmbeddingSpace, photo: Callable[..., Photo]
) -> None:
    with place.exclusive():
        place.keep(gallery_at(place.root, space), [photo("a", 1)])
        with pytest.raises(InputError, match="another person"):
            place.keep(gallery_at(place.root, space), [photo("b", 1), photo("b", 2)])
    with place.exclusive():
        assert place.photos.ids() == [photo("a", 1)[1].id]


def test_refusals_stay_when_a_later_photo_is_accepted(
    place: Enrolments, space: EmbeddingSpace, photo: Callable[..., Photo]
) -> None:
    gallery = gallery_at(place.root, space)
    with place.exclusive():
        place.keep(gallery, [], [Refusal("a", "e" * 64, "blurred", 1)])
        place.keep(gallery, [photo("a", 1)])
    assert [one.reason for one in Refusals(gallery.storage).all()] == ["blurred"]


def test_of_the_same_photo_the_latest_refusal_stands(place: Enrolments, space: EmbeddingSpace) -> None:
    refusals = Refusals(gallery_at(place.root, space).storage)
    refusals.add([Refusal("b", "e" * 64, "blurred", 2), Refusal("a", "e" * 64, "blurred", 1)])
    refusals.add([Refusal("b", "e" * 64, "too_dark", 3)])
    assert [(one.person, one.reason) for one in refusals.all()] == [("a", "blurred"), ("b", "too_dark")]


def test_any_byte_of_the_refusals_that_changes_is_found(place: Enrolments, space: EmbeddingSpace) -> None:
    storage = gallery_at(place.root, space).storage
    Refusals(storage).add([Refusal("b", "e" * 64, "blurred", 2)])
    content = storage.read(REFUSALS, 4096) or b""
    for at in range(len(content)):
        storage.write(REFUSALS, content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        with pytest.raises(GalleryError, match=REFUSALS):
            Refusals(storage).all()


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", seal({"refusals": [{"person": 1}]}), seal({}), b"\xff"])
def test_damaged_refusals_and_notes_are_named(place: Enrolments, space: EmbeddingSpace, content: bytes) -> None:
    gallery = gallery_at(place.root, space)
    gallery.storage.write(REFUSALS, content)
    with pytest.raises(GalleryError, match=REFUSALS):
        Refusals(gallery.storage).all()


def test_a_damaged_note_is_named(place: Enrolments) -> None:
    place.root.write(PENDING, b"\xff")
    with pytest.raises(GalleryError, match=PENDING), place.exclusive():
        pass


def test_everything_is_encrypted_under_a_key(
    tmp_path: Path, space: EmbeddingSpace, photo: Callable[..., Photo]
) -> None:
    key = Envelope(b"k" * 32)
    place = Enrolments(Storage(tmp_path / "g", key), PhotoStore(Storage(tmp_path / "p", key)))
    with place.exclusive():
        place.keep(gallery_at(place.root, space), [photo("somebody", 1)], [Refusal("somebody", "e" * 64, "blurred", 1)])
    files = [path for path in tmp_path.rglob("*") if path.is_file() and not path.name.endswith(".lock")]
    assert len(files) == 4
    assert all(path.read_bytes().startswith(b"HADIR-1\0") for path in files)
    assert not any(b"somebody" in path.read_bytes() for path in files)


def test_many_small_parts_become_one_and_lose_nothing(gallery: Gallery, template: Make) -> None:
    for number in range(MOST_SMALL_PARTS + 3):
        gallery.add([template(f"n{number:03d}", 1000 + number)], "space-a")
    assert len(gallery.templates()) == 36 + MOST_SMALL_PARTS + 3
    assert len(read_list(gallery.storage)[1]) < MOST_SMALL_PARTS


def test_a_writer_on_a_store_without_locks_gives_way_to_a_faster_one(
    space: EmbeddingSpace, template: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pyarrow import fs

    files = fs._MockFileSystem()
    slow, fast = (Storage.on(files, "bucket/g", "mock:///bucket/g") for _ in range(2))
    gallery_at(slow, space).add([template("a", 1)], "space-a")
    late = gallery_at(slow, space)
    write = late._write

    def write_slowly(templates: list[Template]) -> object:
        gallery_at(fast, space).add([template("b", 2)], "space-a")
        return write(templates)

    monkeypatch.setattr(late, "_write", write_slowly)
    with pytest.raises(GalleryError, match="meanwhile"):
        late.add([template("c", 3)], "space-a")
    assert {t.person for t in gallery_at(fast, space).templates()} == {"a", "b"}
