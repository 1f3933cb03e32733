"""A finished chunk is read as it was written, or refused: never another one, never an altered one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from hadir.core.errors import HadirError
from hadir.index.envelope import Envelope
from hadir.index.reindex_chunks import ChunkFiles, EmbeddedPhoto
from hadir.index.reindex_plan import CHUNK_PHOTOS, ReindexPlan, plan_reindex
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template

OLD = EmbeddingSpace("old", 16, "one", "int8", "CC0-1.0")
NEW = EmbeddingSpace("new", 16, "two", "fp16", "CC0-1.0")


@pytest.fixture
def plan(template: Callable[..., Template]) -> ReindexPlan:
    """Two full chunks."""
    return plan_reindex(OLD, NEW, [template("p", number) for number in range(2 * CHUNK_PHOTOS)], [])


def photos_of(plan: ReindexPlan, number: int) -> list[EmbeddedPhoto]:
    photos = [EmbeddedPhoto(t.id, vector=t.vector.tobytes(), face=t.face) for t in plan.chunk(number)]
    return [EmbeddedPhoto(photos[0].id, reason="no_face"), *photos[1:]]


@pytest.fixture(params=[None, Envelope(bytes(32))], ids=["plain", "encrypted"])
def files(request: pytest.FixtureRequest, tmp_path: Path, plan: ReindexPlan) -> ChunkFiles:
    return ChunkFiles(Storage(tmp_path, request.param), plan)


def test_a_chunk_comes_back_as_it_was_written(files: ChunkFiles, plan: ReindexPlan) -> None:
    assert files.read(1) is None
    files.write(1, photos_of(plan, 1))
    assert files.read(1) == photos_of(plan, 1)
    assert (files.read(0), files.written()) == (None, 1)


def test_any_altered_byte_is_found(files: ChunkFiles, plan: ReindexPlan, tmp_path: Path) -> None:
    files.write(0, photos_of(plan, 0))
    [path] = tmp_path.iterdir()
    content = path.read_bytes()
    for place in range(0, len(content), 97):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((ValueError, HadirError)):
            files.read(0)
    path.write_bytes(content[:-1])
    with pytest.raises((ValueError, HadirError)):
        files.read(0)


def test_a_chunk_in_another_ones_place_is_refused(plan: ReindexPlan, tmp_path: Path) -> None:
    files = ChunkFiles(Storage(tmp_path), plan)
    files.write(0, photos_of(plan, 0))
    (first,) = tmp_path.iterdir()
    first.rename(first.with_name(first.name.replace("-000000", "-000001")))
    with pytest.raises(ValueError, match="another plan or place"):
        files.read(1)


def test_chunks_of_other_plans_are_deleted_and_named(plan: ReindexPlan, tmp_path: Path) -> None:
    other = plan_reindex(OLD, NEW, plan.templates[1:], [])
    ChunkFiles(Storage(tmp_path), other).write(0, photos_of(other, 0))
    files = ChunkFiles(Storage(tmp_path), plan)
    files.write(0, photos_of(plan, 0))
    (tmp_path / ".half-written.tmp").touch()
    assert files.remove_others() == [other.digest]
    assert files.read(0) is not None
    files.remove()
    assert list(tmp_path.iterdir()) == []
