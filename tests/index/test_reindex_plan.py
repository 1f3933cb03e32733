"""A plan is made of what is missing, in an order and in chunks that depend on nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from hadir.index.reindex_plan import CHUNK_PHOTOS, ReindexPlan, coverage, plan_reindex
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

OLD = EmbeddingSpace("old", 16, "one", "int8", "CC0-1.0")
NEW = EmbeddingSpace("new", 16, "two", "fp16", "CC0-1.0")


def plan_of(templates: list[Template]) -> ReindexPlan:
    return plan_reindex(OLD, NEW, templates, [])


def test_what_the_target_has_is_not_planned(template: Callable[..., Template]) -> None:
    held = [template("a", 1), template("a", 2), template("b", 3)]
    plan = plan_reindex(OLD, NEW, held, [held[1]])
    assert [(t.person, t.id) for t in plan.templates] == [("a", held[0].id), ("b", held[2].id)]


def test_the_order_in_which_templates_come_changes_nothing(template: Callable[..., Template]) -> None:
    held = [template(f"p{number % 7}", number) for number in range(70)]
    shuffled = random.Random(1).sample(held, len(held))
    assert plan_of(shuffled).digest == plan_of(held).digest
    assert [t.id for t in plan_of(shuffled).templates] == [t.id for t in plan_of(held).templates]


def test_another_photo_person_or_space_is_another_plan(template: Callable[..., Template]) -> None:
    held = [template("a", 1), template("b", 2)]
    others = {
        plan_of([*held, template("c", 3)]).digest,
        plan_of([held[0], template("c", 2)]).digest,
        plan_reindex(OLD, OLD, held, []).digest,
        plan_reindex(NEW, NEW, held, []).digest,
    }
    assert len(others) == 4
    assert plan_of(held).digest not in others


@given(photos=st.integers(0, 3 * CHUNK_PHOTOS + 1))
def test_chunks_are_all_photos_in_order_without_gap_or_repetition(photos: int) -> None:
    plan = ReindexPlan(OLD, NEW, tuple(range(photos)))  # type: ignore[arg-type]  # numbers tell as much as templates
    chunks = [list(plan.chunk(number)) for number in range(plan.chunks)]
    assert list(chain.from_iterable(chunks)) == list(plan.templates)
    assert all(len(chunk) == CHUNK_PHOTOS for chunk in chunks[:-1])
    assert all(chunks)


def test_somebody_without_any_template_is_lost_and_one_photo_less_is_missing(template: Callable[..., Template]) -> None:
    held = [template("a", 1), template("a", 2), template("b", 3), template("c", 4)]
    stands = coverage(held, [held[0], held[3]])
    assert (stands.people, stands.photos) == (3, 4)
    assert stands.missing == (("a", held[1].id), ("b", held[2].id))
    assert stands.lost == ("b",)
