"""When a snapshot is spread over shards, and when nothing of it runs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from hadir.actors.cluster import LocalRay
from hadir.app.sharded_serving import ShardedServing
from hadir.app.wiring import Serving
from hadir.core.errors import PoolLost
from hadir.core.thresholds import Thresholds, ThresholdTable
from hadir.core.vectors import normalise
from hadir.faces.pack import PackInfo
from hadir.index.gallery import open_gallery
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template
from hadir.pipeline.stage_spec import StageSpec

pytestmark = pytest.mark.ray

PEOPLE = 40
SPACE = EmbeddingSpace("space-sharded", 16, "test-pack", "fp32", "CC0-1.0")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Serving:
    folder = tmp_path_factory.mktemp("sharded")
    vectors = normalise(np.random.default_rng(1).normal(loc=0.4, size=(PEOPLE, 16)))
    gallery = open_gallery(folder / "gallery", SPACE)
    gallery.add([Template(f"{n:064x}", f"p{n:02d}", vector, 1) for n, vector in enumerate(vectors)], SPACE.name)
    path = build_snapshot(folder / "snapshots", gallery, 1, "0.1")
    table = ThresholdTable({})
    pack = PackInfo(SPACE.pack, SPACE.licence, SPACE.name, SPACE.dimension, SPACE.precision, table, 0.02)
    return Serving(pack, load_snapshot(path), Thresholds(table, table), StageSpec("open", "auto", str(path)))


@pytest.fixture
def sharded(local_ray: LocalRay) -> Iterator[ShardedServing]:
    serving = ShardedServing(2, above=PEOPLE - 1)
    yield serving
    serving.close()


def test_up_to_the_limit_nothing_of_it_runs(served: Serving) -> None:
    assert ShardedServing(2, above=PEOPLE).place(served) is served


def test_above_the_limit_the_stage_asks_shards_that_answer_as_the_snapshot_does(
    served: Serving, sharded: ShardedServing
) -> None:
    find = sharded.place(served).stage.shards
    assert find is not None
    whole, spread = served.snapshot.index, find()
    assert len(spread) == PEOPLE
    probe = whole.vector("p07")[None]
    (one,), (other,) = (index.search(probe, ["p07"], SPACE.name) for index in (whole, spread))
    assert (one.claimed, one.others) == (other.claimed, other.others)


def test_the_shards_of_the_snapshot_before_the_last_are_ended(served: Serving, sharded: ShardedServing) -> None:
    placed = [sharded.place(served).stage.shards for _ in range(3)]
    oldest, *later = [find for find in placed if find is not None]
    with pytest.raises(PoolLost):
        oldest()
    assert [len(find()) for find in later] == [PEOPLE, PEOPLE]
