"""A snapshot is served by the pack that made its vectors, whichever the settings name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hadir.app.options import DEFAULTS
from hadir.app.serving_pack import pack_for_space
from hadir.app.stores import space_of
from hadir.core.errors import PackError, SpaceMismatch
from hadir.core.settings import Settings, load_settings
from hadir.faces.packs import load_pack


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load_settings(DEFAULTS)


def faces(settings: Settings, **changes: str) -> Settings:
    return settings.model_copy(update={"faces": settings.faces.model_copy(update=changes)})


def test_the_settings_pack_serves_what_it_made(settings: Settings) -> None:
    info = load_pack("open").info
    found = pack_for_space(settings, space_of(info))
    assert (found.pack, found.precision, found.info) == ("open", "auto", info)


@pytest.mark.parametrize(("asked", "held"), [("int8", "fp16"), ("auto", "fp16"), ("fp16", "int8")])
def test_the_precision_is_the_snapshots_not_the_settings(settings: Settings, asked: str, held: str) -> None:
    info = load_pack("open", held).info  # type: ignore[arg-type]  # a plain str from the table above
    found = pack_for_space(faces(settings, precision=asked), space_of(info))
    assert (found.pack, found.precision, found.info.embedding_space) == ("open", held, info.embedding_space)


def test_a_space_that_no_pack_here_makes_is_refused_with_both_names(settings: Settings) -> None:
    info = load_pack("open").info
    foreign = replace(space_of(info), name="f" * 16, pack="elsewhere")
    with pytest.raises(SpaceMismatch, match=f"{'f' * 16} \\(elsewhere.*'open' makes {info.embedding_space}"):
        pack_for_space(settings, foreign)


def test_settings_that_name_no_pack_are_refused_even_where_another_pack_would_do(settings: Settings) -> None:
    with pytest.raises(PackError, match="nowhere"):
        pack_for_space(faces(settings, pack="nowhere"), space_of(load_pack("open").info))


def with_cards_elsewhere(settings: Settings, node: str) -> Settings:
    pool = settings.pool.model_copy(update={"ray_address": "head:6379", "ray_node": node})
    return faces(settings, runtime="cuda").model_copy(update={"pool": pool})


def test_a_member_beside_a_cluster_needs_no_card_of_its_own_for_what_the_workers_run(settings: Settings) -> None:
    space = space_of(load_pack("open", "fp16").info)
    found = pack_for_space(with_cards_elsewhere(settings, "own"), space)
    assert (found.info.embedding_space, found.info.runtime) == (space.name, "cuda")


def test_a_member_on_a_node_of_the_cluster_needs_the_card(settings: Settings) -> None:
    with pytest.raises(PackError, match="runtime cuda was asked for"):
        pack_for_space(with_cards_elsewhere(settings, "host"), space_of(load_pack("open", "fp16").info))
