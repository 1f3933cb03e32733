"""A gallery for every embedding space under one root, on any file system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from pyarrow import fs

from hadir.core.errors import GalleryError, InputError
from hadir.index.envelope import Envelope
from hadir.index.galleries import galleries, gallery_at, only_gallery, spaces
from hadir.index.gallery import Added, open_gallery
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template

Make = Callable[..., Template]


@pytest.fixture(params=["folder", "memory", "subtree", "encrypted"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Storage:
    if request.param == "memory":
        return Storage.on(fs._MockFileSystem(), "bucket/galleries", "mock:///bucket/galleries")
    if request.param == "subtree":
        tree = fs.SubTreeFileSystem(str(tmp_path), fs.LocalFileSystem())
        return Storage.on(tree, "galleries", "sub:galleries", Envelope(b"k" * 32))
    return Storage(tmp_path / "galleries", Envelope(b"k" * 32) if request.param == "encrypted" else None)


def test_each_space_has_a_gallery_of_its_own(root: Storage, space: EmbeddingSpace, template: Make) -> None:
    other = replace(space, name="space-b")
    gallery_at(root, space).add([template("a", 1)], "space-a")
    gallery_at(root, other).add([template("b", 2)], "space-b")
    assert spaces(root) == [space, other]
    assert [[t.person for t in g.templates()] for g in galleries(root)] == [["a"], ["b"]]


def test_templates_come_go_and_are_found_anew_on_every_file_system(
    root: Storage, space: EmbeddingSpace, template: Make
) -> None:
    gallery = gallery_at(root, space)
    assert gallery.add([template("a", 1), template("a", 2), template("b", 3)], "space-a") == Added(3, 0)
    assert gallery.replace("a", [template("a", 4)], "space-a") == 2
    again = only_gallery(root)
    assert [(t.person, t.id) for t in again.templates()] == [(t.person, t.id) for t in gallery.templates()]
    assert again.owners() == {t.id: t.person for t in again.templates()}
    assert again.remove("b") == 1
    assert set(gallery.owners().values()) == {"a"}
    assert len([name for name in root.names() if "part-" in name]) == 1


def test_no_gallery_at_all_is_no_error_until_one_is_asked_for(root: Storage) -> None:
    assert galleries(root) == []
    with pytest.raises(InputError, match="enrol people first"):
        only_gallery(root)


def test_the_only_gallery_is_found_without_a_name(root: Storage, space: EmbeddingSpace) -> None:
    gallery_at(root, space)
    assert only_gallery(root).space == space


def test_one_of_several_is_named_by_the_beginning_of_its_space(root: Storage, space: EmbeddingSpace) -> None:
    gallery_at(root, replace(space, name="aa11"))
    gallery_at(root, replace(space, name="ab22"))
    assert only_gallery(root, "ab").space.name == "ab22"
    for asked in (None, "a", "c"):
        with pytest.raises(InputError, match=r"aa11 \(test-pack int8\), ab22"):
            only_gallery(root, asked)


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", ".hidden", "x" * 129])
def test_a_space_that_cannot_be_a_folder_is_refused(root: Storage, space: EmbeddingSpace, name: str) -> None:
    with pytest.raises(GalleryError, match="cannot be a folder"):
        gallery_at(root, replace(space, name=name))


def test_a_bare_gallery_is_not_taken_for_a_folder_of_galleries(root: Storage, space: EmbeddingSpace) -> None:
    open_gallery(root, space)
    for look in (galleries, only_gallery, lambda place: gallery_at(place, space)):
        with pytest.raises(GalleryError, match="one gallery, expected a folder of them"):
            look(root)
