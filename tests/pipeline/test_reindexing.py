"""Nothing enrolled is lost unsaid, whatever is killed, missing, altered, enrolled or erased while a gallery is made
anew."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from hadir.core.errors import PoolLost
from hadir.core.evidence import FaceMeasures
from hadir.core.vectors import normalise
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.photo_store import PhotoStore
from hadir.index.reindex_chunks import EmbeddedPhoto
from hadir.index.reindex_plan import CHUNK_PHOTOS
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template
from hadir.pipeline.embedding import EmbeddedChunk, EnrolledPhoto, InlineEmbedder, PhotoChunk
from hadir.pipeline.reindexing import FailedPhoto, Reindexed, Reindexing

OLD = EmbeddingSpace("old-space", 16, "old", "int8", "CC0-1.0")
NEW = EmbeddingSpace("new-space", 24, "new", "fp16", "CC0-1.0")
FACE = FaceMeasures((1.0, 2.0, 3.0, 4.0), 2.0, 0.9, 0.9, 0.0, 0.0, 0.0, 9.0, 100.0)


def vector(content: bytes, dimension: int) -> bytes:
    seed = int.from_bytes(hashlib.sha256(content).digest()[:4])
    drawn: bytes = normalise(np.random.default_rng(seed).normal(size=(1, dimension)))[0].tobytes()
    return drawn


class Stage:
    """The new pack: sees no face in a photo that says so."""

    def embed(self, photos: Sequence[EnrolledPhoto]) -> list[EmbeddedPhoto]:
        return [
            EmbeddedPhoto(photo.id, reason="no_face")
            if b"no face" in photo.content
            else EmbeddedPhoto(photo.id, vector=vector(photo.content, NEW.dimension), face=FACE)
            for photo in photos
        ]


class Site:
    """A source of `people` with two photos each, and everything around it."""

    def __init__(self, folder: Path, people: int) -> None:
        self.folder = folder
        self.store = PhotoStore(str(folder / "photos"))
        self.source = open_gallery(folder / "old", OLD)
        self.target = open_gallery(folder / "new", NEW)
        self.enrol([(f"p{number // 2:03d}", b"photo %d" % number) for number in range(2 * people)])

    def enrol(self, photos: Sequence[tuple[str, bytes]]) -> None:
        templates = []
        for person, content in photos:
            old = np.frombuffer(vector(content, OLD.dimension), dtype=np.float32)
            templates.append(Template(self.store.keep(content), person, old, 7, FACE, "Law 5", "v1"))
        self.source.add(templates, OLD.name)

    def erase(self, person: str) -> None:
        for template in self.source.templates():
            if template.person == person:
                self.store.forget(template.id)
        self.source.remove(person)
        self.target.remove(person)

    def work(self) -> Reindexing:
        return Reindexing(self.source, self.target, self.store, Storage(self.folder / "chunks"))

    def run(self, after_chunk: Callable[[int], None] | None = None) -> Reindexed:
        return self.work().run(Inline(after_chunk or (lambda _: None)), lambda _: None, ahead=2)

    def digest(self) -> str:
        """Of every file of the target's gallery."""
        content = [(p.name, p.read_bytes()) for p in sorted((self.folder / "new").iterdir()) if p.suffix != ".lock"]
        return hashlib.sha256(repr(content).encode()).hexdigest()


class Inline(InlineEmbedder):
    """The shipped one, with something that happens after each chunk."""

    def __init__(self, after_chunk: Callable[[int], None]) -> None:
        super().__init__(Stage())
        self.after_chunk = after_chunk

    def embed(self, chunks: Iterable[PhotoChunk]) -> Iterator[EmbeddedChunk]:
        for chunk in super().embed(chunks):
            yield chunk
            self.after_chunk(chunk.number)


def ids(gallery: Gallery) -> set[tuple[str, str]]:
    return {(template.person, template.id) for template in gallery.templates()}


def photo_id(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Three full chunks and a bit."""
    return Site(tmp_path, people=50)


def test_everything_about_an_enrolment_but_the_vector_is_carried_over(site: Site) -> None:
    done = site.run()
    assert (done.people, done.photos, done.embedded, done.failed, done.lost) == (50, 100, 100, (), ())
    assert ids(site.target) == ids(site.source)
    template = site.target.templates()[0]
    assert (template.enrolled_at_ms, template.legal_basis, template.notice_version) == (7, "Law 5", "v1")
    assert template.vector.tobytes() == vector(site.store.read(template.id) or b"", NEW.dimension)
    assert list((site.folder / "chunks").iterdir()) == []


def test_a_second_run_has_nothing_to_do(site: Site) -> None:
    site.run()
    before = site.digest()
    done = site.run()
    assert (done.already, done.embedded, done.resumed) == (100, 0, 0)
    assert site.digest() == before


@pytest.mark.parametrize("chunk", range(4))
def test_a_run_that_ends_early_goes_on_and_ends_with_the_same_bytes(tmp_path: Path, chunk: int) -> None:
    undisturbed, broken = Site(tmp_path / "a", 50), Site(tmp_path / "b", 50)
    undisturbed.run()

    def lose(number: int) -> None:
        if number == chunk:
            raise PoolLost("Ray is gone")

    with pytest.raises(PoolLost):
        broken.run(lose)
    assert ids(broken.target) == set()
    done = broken.run()
    assert done.resumed == min(100, (chunk + 1) * CHUNK_PHOTOS)
    assert done.resumed + done.embedded == 100
    assert broken.digest() == undisturbed.digest()


def test_photos_that_cannot_be_embedded_are_named_with_their_reason(site: Site) -> None:
    site.enrol([("p000", b"no face here"), ("q", b"a photo of q")])
    (altered,) = (site.folder / "photos").rglob(photo_id(b"photo 5"))
    altered.write_bytes(b"something else")
    site.store.forget(photo_id(b"a photo of q"))
    done = site.run()
    assert set(done.failed) == {
        FailedPhoto("p000", photo_id(b"no face here"), "no_face"),
        FailedPhoto("p002", photo_id(b"photo 5"), "photo_altered"),
        FailedPhoto("q", photo_id(b"a photo of q"), "photo_missing"),
    }
    assert done.lost == ("q",)


def test_a_photo_that_was_brought_back_is_embedded_by_the_next_run(site: Site) -> None:
    site.store.forget(photo_id(b"photo 9"))
    assert len(site.run().failed) == 1
    site.store.keep(b"photo 9")
    done = site.run()
    assert (done.already, done.embedded, done.failed) == (99, 1, ())


def test_an_altered_chunk_is_embedded_anew(site: Site) -> None:
    def lose(number: int) -> None:
        if number == 2:
            raise PoolLost("Ray is gone")

    with pytest.raises(PoolLost):
        site.run(lose)
    chunk = sorted((site.folder / "chunks").iterdir())[1]
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"\xff")
    done = site.run()
    assert (done.damaged_chunks, done.resumed, done.embedded) == ((1,), 2 * CHUNK_PHOTOS, 100 - 2 * CHUNK_PHOTOS)
    assert ids(site.target) == ids(site.source)


def test_other_photos_start_anew_and_say_so(site: Site) -> None:
    def lose(number: int) -> None:
        raise PoolLost("Ray is gone")

    with pytest.raises(PoolLost):
        site.run(lose)
    before = site.work().plan().digest
    site.enrol([("new", b"one more")])
    done = site.run()
    assert (done.started_anew, done.resumed, done.embedded) == ((before,), 0, 101)


def test_who_is_enrolled_meanwhile_is_caught_up_with(site: Site) -> None:
    def enrol(number: int) -> None:
        if number == 3:
            site.enrol([("late", b"enrolled while it ran")])

    done = site.run(enrol)
    assert (done.people, done.photos, done.failed) == (51, 101, ())
    assert ids(site.target) == ids(site.source)


def test_who_is_erased_meanwhile_is_not_brought_back(site: Site) -> None:
    def erase(number: int) -> None:
        if number == 3:
            site.erase("p000")

    done = site.run(erase)
    assert (done.people, done.withdrawn, done.failed) == (49, 2, ())
    assert ids(site.target) == ids(site.source)


def test_who_is_erased_between_the_last_look_and_the_write_is_taken_out_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = Gallery.add

    def erase_and_add(gallery: Gallery, templates: Sequence[Template], space: str) -> object:
        if gallery.space == NEW:
            monkeypatch.setattr(Gallery, "add", add)
            site.erase("p000")
        return add(gallery, templates, space)

    monkeypatch.setattr(Gallery, "add", erase_and_add)
    done = site.run()
    assert done.withdrawn == 2
    assert ids(site.target) == ids(site.source)
    assert "p000" not in {person for person, _ in ids(site.target)}


def test_who_is_erased_and_enrolled_again_meanwhile_is_embedded_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Gallery.templates
    photos = [("p000", b"photo 0"), ("p000", b"photo 1")]

    def enrol_again(gallery: Gallery) -> list[Template]:
        found = look(gallery)
        if gallery.space == OLD and "p000" not in {template.person for template in found}:
            monkeypatch.setattr(Gallery, "templates", look)
            site.enrol(photos)
        return found

    def erase(number: int) -> None:
        if number == 3:
            site.erase("p000")
            monkeypatch.setattr(Gallery, "templates", enrol_again)

    done = site.run(erase)
    assert (done.people, done.photos, done.withdrawn, done.failed) == (50, 100, 2, ())
    assert ids(site.target) == ids(site.source)


def test_an_empty_gallery_is_done_at_once(tmp_path: Path) -> None:
    done = Site(tmp_path, people=0).run()
    assert (done.people, done.photos, done.failed, done.lost) == (0, 0, (), ())
