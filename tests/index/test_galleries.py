"""A gallery for every embedding space under one root, on any file system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hadir.core.errors import GalleryError, InputError
from hadir.index.galleries import galleries, gallery_at, only_gallery, spaces
from hadir.index.gallery import open_gallery
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template

Make = Callable[..., Template]


@pytest.fixture
def root(tmp_path: Path) -> Storage:
    return Storage(tmp_path / "galleries")


def test_each_space_has_a_gallery_of_its_own(root: Storage, space: EmbeddingSpace, template: Make) -> None:
    other = replace(space, name="space-b")
    gallery_at(root, space).add([template("a", 1)], "space-a")
    gallery_at(root, other).add([template("b", 2)], "space-b")
    assert spaces(root) == [space, other]
    assert [[t.person for t in g.templates()] for g in galleries(root)] == [["a"], ["b"]]


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
