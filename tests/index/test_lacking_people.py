"""Who is enrolled in other spaces and not in this one: found once, and read anew until the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hadir.index.gallery import Gallery, open_gallery
from hadir.index.lacking_people import LackingPeople
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

Make = Callable[..., Template]


@pytest.fixture
def others(tmp_path: Path, space: EmbeddingSpace, template: Make) -> list[Gallery]:
    """Two galleries: `a` and `b` in the first, `b` with the same photo and `c` in the second."""
    found = []
    for name, people in (("x", "ab"), ("y", "bc")):
        gallery = open_gallery(tmp_path / name, replace(space, name=name))
        gallery.add([template(person, ord(person)) for person in people], name)
        found.append(gallery)
    return found


def target_of(tmp_path: Path, space: EmbeddingSpace, template: Make, people: str) -> Gallery:
    gallery = open_gallery(tmp_path / "target", space)
    gallery.add([template(person, ord(person)) for person in people], space.name)
    return gallery


def test_every_photo_of_them_is_held_once(
    tmp_path: Path, space: EmbeddingSpace, template: Make, others: list[Gallery]
) -> None:
    lacking = LackingPeople(target_of(tmp_path, space, template, "a"), others)
    assert lacking.people == {"b", "c"}
    assert [held.person for held in lacking.templates()] == ["b", "c"]
    assert lacking.space.name == "x"


def test_who_is_erased_meanwhile_is_not_brought_along(
    tmp_path: Path, space: EmbeddingSpace, template: Make, others: list[Gallery]
) -> None:
    lacking = LackingPeople(target_of(tmp_path, space, template, "a"), others)
    for gallery in others:
        gallery.remove("b")
    assert [held.person for held in lacking.templates()] == ["c"]


def test_a_plan_does_not_change_while_people_come(
    tmp_path: Path, space: EmbeddingSpace, template: Make, others: list[Gallery]
) -> None:
    target = target_of(tmp_path, space, template, "a")
    lacking = LackingPeople(target, others)
    target.add([template("b", ord("b"))], space.name)
    others[0].add([template("d", 900)], "x")
    assert [held.person for held in lacking.templates()] == ["b", "c"]


def test_nobody_lacks_where_everybody_is_there(
    tmp_path: Path, space: EmbeddingSpace, template: Make, others: list[Gallery]
) -> None:
    lacking = LackingPeople(target_of(tmp_path, space, template, "abc"), others)
    assert (lacking.people, lacking.templates()) == (frozenset(), [])
    assert LackingPeople(None, others).people == {"a", "b", "c"}
