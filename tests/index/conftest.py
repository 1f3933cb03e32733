"""Vectors and galleries that the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from hadir.core.vectors import Vectors, normalise
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

DIMENSION = 16
SPACE = EmbeddingSpace("space-a", DIMENSION, "test-pack", "int8", "CC0-1.0")


@pytest.fixture
def space() -> EmbeddingSpace:
    return SPACE


@pytest.fixture
def faces() -> Callable[[int, int], Vectors]:
    """(people, photos) -> (people * photos, D): photos of one person lie close, all people in one cone."""

    def draw(people: int, photos: int, seed: int = 0) -> Vectors:
        rng = np.random.default_rng(seed)
        centres = 1 + rng.normal(size=(people, 1, DIMENSION))
        return normalise((centres + 0.3 * rng.normal(size=(people, photos, DIMENSION))).reshape(-1, DIMENSION))

    return draw


@pytest.fixture
def template() -> Callable[..., Template]:
    """A template of photo number `photo`, whose id follows from the number."""

    def make(person: str, photo: int, vector: Vectors | None = None, at_ms: int = 1) -> Template:
        drawn = np.random.default_rng(photo).normal(size=(1, DIMENSION)) if vector is None else vector[None, :]
        return Template(sha256(str(photo).encode()).hexdigest(), person, normalise(drawn)[0], at_ms)

    return make


@pytest.fixture
def gallery(tmp_path: Path, faces: Callable[[int, int], Vectors], template: Callable[..., Template]) -> Gallery:
    """Twelve people of three photos."""
    store = open_gallery(tmp_path / "gallery", SPACE)
    vectors = faces(12, 3)
    store.add([template(f"p{row // 3:02d}", row, vectors[row]) for row in range(36)], SPACE.name)
    return store
