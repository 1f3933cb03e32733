"""Shards on real Ray actors: the answers of one index, whatever dies meanwhile."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.index_shards import IndexShards
from hadir.core.errors import PoolLost, SnapshotError
from hadir.core.vectors import Vectors, normalise
from hadir.index.flat import FlatIndex
from hadir.index.gallery import open_gallery
from hadir.index.search import FaceIndex
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

pytestmark = pytest.mark.ray

SPACE = EmbeddingSpace("space-shards", 16, "test-pack", "fp32", "CC0-1.0")


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    vectors = normalise(np.random.default_rng(0).normal(loc=0.4, size=(60, 16)))
    templates = [Template(f"{n:064x}", f"p{n:02d}", vector, 1) for n, vector in enumerate(vectors)]
    gallery = open_gallery(folder / "gallery", SPACE)
    gallery.add(templates, SPACE.name)
    return build_snapshot(folder / "snapshots", gallery, 1, "0.1")


@pytest.fixture
def shards(local_ray: LocalRay, snapshot: Path) -> Iterator[IndexShards]:
    started = IndexShards.start(snapshot, 2, cores_each=0.1)
    yield started
    started.close()


def agree(sharded: FaceIndex, whole: FlatIndex) -> None:
    probes: Vectors = np.stack([whole.vector(p.person) for p in whole.people])
    named = [p.person for p in whole.people]
    answers = sharded.search(probes, named, whole.embedding_space, 10)
    for one, other in zip(whole.search(probes, named, whole.embedding_space, 10), answers, strict=True):
        assert (one.claimed, one.others) == (other.claimed, other.others)
        np.testing.assert_allclose(one.cohort, other.cohort, atol=1e-6)


def test_shards_on_actors_answer_as_one_index_does(shards: IndexShards, snapshot: Path) -> None:
    agree(shards.snapshot.connect(), load_snapshot(snapshot).index)


def test_a_shard_that_dies_comes_back_and_nothing_is_answered_without_it(shards: IndexShards, snapshot: Path) -> None:
    connected = shards.snapshot.connect()
    victim = next(p for p in psutil.process_iter(["name"]) if p.info["name"] == "ray::ShardActor")
    os.kill(victim.pid, signal.SIGKILL)
    agree(connected, load_snapshot(snapshot).index)


def test_after_the_end_a_search_is_an_error(local_ray: LocalRay, snapshot: Path) -> None:
    started = IndexShards.start(snapshot, 2, cores_each=0.1)
    connected = started.snapshot.connect()
    started.close()
    with pytest.raises(PoolLost):
        connected.search(load_snapshot(snapshot).index.vector("p00")[None], [None], SPACE.name)


def test_a_snapshot_that_cannot_be_loaded_is_refused_at_the_start(
    local_ray: LocalRay,
    snapshot: Path,
    tmp_path: Path,
) -> None:
    copy = tmp_path / snapshot.name
    copy.mkdir()
    for file in snapshot.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    (copy / "people.json").write_bytes(b"[]")
    with pytest.raises(SnapshotError, match=r"people\.json"):
        IndexShards.start(copy, 2, cores_each=0.1)
