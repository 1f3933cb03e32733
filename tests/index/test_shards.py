"""Shards of a snapshot: dealt whole, merged exactly, refused where they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.core.errors import SnapshotError, SpaceMismatch
from hadir.core.evidence import Candidate
from hadir.core.vectors import normalise
from hadir.index.flat import build_flat_index
from hadir.index.gallery import Gallery
from hadir.index.people import EnrolledPerson
from hadir.index.search import SearchResult
from hadir.index.shards import ShardedIndex, load_shard, merge_answers, shard_rows
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_build import build_snapshot


@given(st.integers(0, 5000), st.integers(1, 64))
def test_every_row_is_in_one_shard_and_shards_are_alike_in_size(rows: int, shards: int) -> None:
    dealt = shard_rows(rows, shards)
    assert [row for stretch in dealt for row in stretch] == list(range(rows))
    sizes = [len(stretch) for stretch in dealt]
    assert max(sizes) - min(sizes) <= 1


def test_no_shards_are_refused() -> None:
    with pytest.raises(ValueError, match="0 shards"):
        shard_rows(10, 0)


def test_a_person_whom_two_shards_claim_is_an_error() -> None:
    part = SearchResult(Candidate("a", 0.9, 1), (), np.empty(0, dtype=np.float32))
    with pytest.raises(ValueError, match="2 shards hold the claimed person"):
        merge_answers([part, part], 10)


def test_shards_of_different_spaces_are_refused() -> None:
    vectors = normalise(np.random.default_rng(0).normal(size=(2, 8)))
    people = [EnrolledPerson("a", 1), EnrolledPerson("b", 1)]
    with pytest.raises(SpaceMismatch):
        ShardedIndex.over([build_flat_index(vectors[n : n + 1], people[n : n + 1], f"space-{n}") for n in range(2)])


@given(st.integers(1, 5), st.integers(0, 2**32 - 1), st.integers(1, 30))
def test_shards_answer_as_one_index_does(shards: int, seed: int, cohort: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = normalise(rng.integers(-2, 3, size=(40, 6)) + 0.1)
    people = [EnrolledPerson(f"p{n:02d}", 1 + n % 5, synthetic=n % 7 == 0) for n in range(40)]
    whole = build_flat_index(vectors, people, "s")
    parts = [build_flat_index(vectors[n::shards], people[n::shards], "s") for n in range(shards)]
    claimed = ["p03", "nobody", None]
    for one, other in zip(
        whole.search(vectors[:3], claimed, "s", cohort),
        ShardedIndex.over(parts).search(vectors[:3], claimed, "s", cohort),
        strict=True,
    ):
        assert one.claimed == other.claimed
        assert one.others == other.others
        np.testing.assert_allclose(one.cohort, other.cohort, atol=1e-6)


@pytest.fixture
def snapshot(tmp_path: Path, gallery: Gallery) -> Path:
    return build_snapshot(tmp_path / "snapshots", gallery, 1, "0.1")


def test_the_shards_of_a_snapshot_hold_its_people_and_answer_alike(snapshot: Path) -> None:
    whole = load_snapshot(snapshot).index
    sharded = ShardedIndex.over([load_shard(snapshot, n, 3) for n in range(3)])
    assert len(sharded) == len(whole)
    probes = np.stack([whole.vector(p.person) for p in whole.people])
    named = [p.person for p in whole.people]
    space = whole.embedding_space
    for one, other in zip(whole.search(probes, named, space), sharded.search(probes, named, space), strict=True):
        assert (one.claimed, one.others) == (other.claimed, other.others)


def test_an_altered_file_is_refused_by_name(snapshot: Path) -> None:
    file = snapshot / "vectors.faiss"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(SnapshotError, match=r"vectors\.faiss was altered"):
        load_shard(snapshot, 0, 2)
