"""One local Ray for the whole session, and what its workers need to know of the tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hadir.actors.cluster import LocalRay
from tests.actors.ray_pools import gate, make_ray_pool

__all__ = ["CORES", "gate", "local_ray", "make_ray_pool", "run_folder"]

CORES = 2


@pytest.fixture(scope="session")
def local_ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalRay]:
    ray = LocalRay.start(tmp_path_factory.mktemp("run"), actors=CORES)
    yield ray
    ray.close()


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    return tmp_path / "run"
