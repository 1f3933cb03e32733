"""Vectors inside a FAISS index, seen without a copy."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np

from hadir.core.vectors import Vectors, normalise
from hadir.index.faiss_vectors import flat_vectors, pack_vectors, read_vectors


def drawn(rows: int) -> Vectors:
    return normalise(np.random.default_rng(0).normal(size=(rows, 32)))


def test_the_matrix_outlives_the_index_that_it_lies_in(tmp_path: Path) -> None:
    expected, file = drawn(20_000), tmp_path / "vectors.faiss"
    file.write_bytes(pack_vectors(expected))
    views = [flat_vectors(expected).matrix[5:], read_vectors(file).matrix[5:]]
    gc.collect()
    taken_instead = [np.zeros_like(expected) for _ in range(4)]
    for view in views:
        np.testing.assert_array_equal(view, expected[5:])
    assert len(taken_instead) == 4


def test_the_matrix_cannot_be_written_to() -> None:
    assert not flat_vectors(drawn(3)).matrix.flags.writeable
