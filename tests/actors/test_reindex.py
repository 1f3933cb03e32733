"""Workers that embed: the contract of every embedder, and what only real processes can do to it."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from hadir.actors.cluster import LocalRay
from hadir.actors.embed_actor import cores_of_ray
from hadir.actors.face_actor import FACE_CORES
from hadir.actors.reindex import FAILED_STARTS, RayEmbedder
from hadir.core.errors import PackError, PoolLost
from hadir.index.reindex_chunks import EmbeddedPhoto
from hadir.pipeline.chunk_attempts import KILLS_WORKER
from hadir.pipeline.embedding import Embedder, EnrolledPhoto, InlineEmbedder, PhotoChunk
from tests.actors.conftest import CORES
from tests.actors.gate import Gate, gate_photo

WORKERS = 2
PATIENCE_S = 60.0


class MarkedStage:
    """`gate:` waits at a gate, `die` ends the process, `crash` raises, `spin` never ends; others say who and how."""

    def embed(self, photos: Sequence[EnrolledPhoto]) -> list[EmbeddedPhoto]:
        for content in [photo.content for photo in photos]:
            if content.startswith(b"gate:"):
                with open(content[len(b"gate:") :], "rb") as gate:  # noqa: PTH123 - a path of bytes
                    gate.read()
            if content == b"die":
                os._exit(139)
            if content == b"crash":
                raise RuntimeError("a marked photo")
            while content == b"spin":
                pass
        says = f"{len(photos)} photos, policy {os.sched_getscheduler(0)}, pid {os.getpid()}"
        return [EmbeddedPhoto(photo.id, vector=photo.content, reason=says) for photo in photos]


@dataclass(frozen=True, slots=True)
class LicensedFactory:
    """Builds as long as a file is there."""

    licence: str

    def __call__(self) -> MarkedStage:
        if not Path(self.licence).exists():
            raise PackError("the pack is gone: bring it back")
        return MarkedStage()


def chunk_of(number: int, *contents: bytes) -> PhotoChunk:
    photos = (EnrolledPhoto(f"{number}.{place}", content, None) for place, content in enumerate(contents))
    return PhotoChunk(number, tuple(photos))


def embed(embedder: Embedder, *chunks: PhotoChunk) -> dict[int, tuple[EmbeddedPhoto, ...]]:
    back = [(chunk.number, chunk.photos) for chunk in embedder.embed(chunks)]
    assert sorted(number for number, _ in back) == sorted(chunk.number for chunk in chunks)
    return dict(back)


def condemned(photos: Sequence[EmbeddedPhoto]) -> list[str]:
    return [photo.id for photo in photos if photo.reason == KILLS_WORKER]


@pytest.fixture
def pool(local_ray: LocalRay) -> Iterator[RayEmbedder]:
    embedder = RayEmbedder(local_ray, MarkedStage, WORKERS)
    embedder.start()
    yield embedder
    embedder.close()


@pytest.fixture(params=["inline", pytest.param("ray", marks=pytest.mark.ray)])
def embedder(request: pytest.FixtureRequest) -> Embedder:
    if request.param == "inline":
        return InlineEmbedder(MarkedStage())
    pool: RayEmbedder = request.getfixturevalue("pool")
    return pool


def test_every_chunk_comes_back_once_in_its_own_order(embedder: Embedder) -> None:
    chunks = [chunk_of(number, *(b"%d" % place for place in range(number))) for number in range(9)]
    back = embed(embedder, *chunks)
    for chunk in chunks:
        assert [(p.id, p.vector) for p in back[chunk.number]] == [(p.id, p.content) for p in chunk.photos]


def test_chunks_are_asked_for_when_somebody_can_take_them(embedder: Embedder) -> None:
    asked: list[int] = []

    def following() -> Iterator[PhotoChunk]:
        for number in range(20):
            asked.append(number)
            yield chunk_of(number, b"x")

    for come_back, _ in enumerate(embedder.embed(following()), start=1):
        assert len(asked) <= come_back + WORKERS


def test_nothing_to_do_is_done(embedder: Embedder) -> None:
    assert embed(embedder) == {}


def test_an_embedder_serves_again(embedder: Embedder) -> None:
    assert set(embed(embedder, chunk_of(0, b"a"))) == {0}
    assert set(embed(embedder, chunk_of(7, b"a"), chunk_of(8, b"b"))) == {7, 8}


@pytest.mark.ray
@pytest.mark.parametrize("mark", [b"die", b"crash"])
def test_a_photo_that_kills_its_worker_is_condemned_alone(pool: RayEmbedder, mark: bytes) -> None:
    back = embed(pool, chunk_of(0, b"a", mark, b"c"), chunk_of(1, b"d"), chunk_of(2))
    assert condemned(back[0]) == ["0.1"]
    assert [photo.vector for photo in back[0]] == [b"a", None, b"c"]
    assert condemned(back[1]) == []


@pytest.mark.ray
def test_a_worker_that_is_killed_costs_no_photo_and_its_chunk_is_embedded_whole(
    local_ray: LocalRay, tmp_path: Path
) -> None:
    gate = Gate(tmp_path / "gate")
    embedder = RayEmbedder(local_ray, MarkedStage, 1)
    embedder.start()
    (photo,) = embed(embedder, chunk_of(0, b"a"))[0]
    victim = psutil.Process(int((photo.reason or "").rpartition(" ")[2]))
    killer = threading.Thread(target=_kill_at_the_gate, args=(gate, victim))
    killer.start()
    back = embed(embedder, chunk_of(1, gate_photo(gate.path), b"c"))[1]
    killer.join()
    assert [(photo.reason or "").partition(",")[0] for photo in back] == ["2 photos", "2 photos"]
    assert embedder.retries == 1
    embedder.close()


def _kill_at_the_gate(gate: Gate, victim: psutil.Process) -> None:
    gate.await_worker()
    victim.kill()
    victim.wait(PATIENCE_S)
    gate.release()
    gate.let_one_through().join(PATIENCE_S)


@pytest.mark.ray
def test_workers_take_idle_time_only(pool: RayEmbedder) -> None:
    (photo,) = embed(pool, chunk_of(0, b"a"))[0]
    assert f"policy {os.SCHED_IDLE}" in (photo.reason or "")


@pytest.mark.ray
def test_workers_take_no_core_that_the_live_pipeline_may_ask_for(local_ray: LocalRay) -> None:
    ray = importlib.import_module("ray")
    embedder = RayEmbedder(local_ray, MarkedStage, WORKERS + 1)
    embedder.start()
    assert ray.available_resources()["CPU"] >= CORES * FACE_CORES
    assert len(embed(embedder, *(chunk_of(number, b"x") for number in range(9)))) == 9
    embedder.close()


@pytest.mark.ray
def test_a_cluster_says_how_many_cores_all_its_nodes_have(local_ray: LocalRay) -> None:
    assert cores_of_ray() == CORES


@pytest.mark.ray
def test_a_call_that_burns_processor_time_without_end_is_ended(local_ray: LocalRay) -> None:
    embedder = RayEmbedder(local_ray, MarkedStage, 1, call_cpu_limit_s=0.2)
    embedder.start()
    back = embed(embedder, chunk_of(0, b"spin", b"b"))
    assert condemned(back[0]) == ["0.0"]
    embedder.close()


@pytest.mark.ray
def test_what_keeps_a_worker_from_serving_is_said_in_its_own_words(local_ray: LocalRay, tmp_path: Path) -> None:
    embedder = RayEmbedder(local_ray, LicensedFactory(str(tmp_path / "licence")), 1)
    with pytest.raises(PackError, match="the pack is gone"):
        embedder.start()
    embedder.close()


@pytest.mark.ray
def test_workers_that_cannot_be_replaced_end_the_run(local_ray: LocalRay, tmp_path: Path) -> None:
    licence = tmp_path / "licence"
    licence.touch()
    embedder = RayEmbedder(local_ray, LicensedFactory(str(licence)), 1)
    embedder.start()
    licence.unlink()
    with pytest.raises(PoolLost, match=f"{FAILED_STARTS} fresh workers in a row.*the pack is gone"):
        embed(embedder, chunk_of(0, b"die"))
    embedder.close()
