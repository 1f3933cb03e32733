"""No actor declares zero processor time: a node full of those looks idle to an autoscaler, which then takes it away."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hadir.actors.pool
from hadir.actors.cluster import LocalRay
from hadir.actors.embed_actor import EmbedWorker
from hadir.actors.face_actor import BACKGROUND_CORES, FACE_CORES
from hadir.actors.pool import RayPool
from tests.actors.conftest import CORES
from tests.actors.gate import GatedStage
from tests.actors.test_reindex import MarkedStage

ACTORS = Path(hadir.actors.pool.__file__).parent
STARTS_ACTORS = {"face_actor.py", "embed_actor.py", "index_shards.py"}


def sources() -> Iterator[tuple[str, str]]:
    for path in sorted(ACTORS.glob("*.py")):
        yield path.name, path.read_text(encoding="utf-8")


def test_every_place_that_starts_actors_says_how_many_cores_they_take() -> None:
    starts = {name: text for name, text in sources() if ".remote(" in text and "ray.remote(" in text}
    assert set(starts) == STARTS_ACTORS, "a new kind of actor: add it here, with its cores"
    for name, text in starts.items():
        assert re.findall(r"num_cpus=(\w+)", text) in (["FACE_CORES"], ["BACKGROUND_CORES"], ["cores_each"]), name


def test_a_face_worker_leaves_room_for_others_on_its_core_and_none_for_a_second_one() -> None:
    assert 0.5 < FACE_CORES <= 1 - 5 * BACKGROUND_CORES
    assert BACKGROUND_CORES > 0


@pytest.mark.ray
def test_face_workers_and_background_workers_share_a_full_machine(local_ray: LocalRay) -> None:
    pool = RayPool(local_ray, GatedStage, CORES)
    pool.start(lambda: None)
    background = [EmbedWorker(MarkedStage, 10.0) for _ in range(2 * CORES)]
    assert all(worker.pid().result(timeout=60) > 0 for worker in background)
    free = importlib.import_module("ray").available_resources()["CPU"]
    assert free == pytest.approx(CORES * (1 - FACE_CORES) - 2 * CORES * BACKGROUND_CORES)
    for worker in background:
        worker.end()
    pool.close()
