"""Vectors in FAISS's flat format, in memory or mapped from a file: the only file that imports faiss.

Three traps of faiss 1.15 are disarmed here. OpenMP threads spin against each other on shared cores; matrix products
start only at 128,000 query values unless told otherwise (facebookresearch/faiss#5022); and a mapped file whose header
promises more than there is crashes the process.
"""

from __future__ import annotations

import ctypes
import struct
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, as_unit_vectors

__all__ = ["FlatVectors", "flat_vectors", "pack_vectors", "read_vectors"]

_FLAT_IP = b"IxFI"
_HEADER = struct.Struct("<4siqqqBiQ")
"""FAISS's format: kind, dimension, rows, two constants, trained, metric, number of floats; then the floats."""


@dataclass(frozen=True, slots=True, eq=False)
class FlatVectors:
    """A FAISS index and the (N, D) matrix inside it, without a copy; either keeps the memory of both."""

    index: faiss.IndexFlatIP
    matrix: Vectors

    def best(self, probes: Vectors, count: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores and rows of the best, descending, (N, min(count, rows)); equal scores come in no promised order."""
        count = min(count, len(self.matrix))
        if count == 0:
            # FAISS would pad with row -1 and a score of -3.4e38.
            return np.empty((len(probes), 0), dtype=np.float32), np.empty((len(probes), 0), dtype=np.int64)
        faiss.cvar.distance_compute_blas_threshold = 1
        faiss.omp_set_num_threads(1)
        scores, rows = self.index.search(probes, count)
        return scores, rows


def flat_vectors(vectors: Vectors) -> FlatVectors:
    """Index (N, D) unit vectors in memory. Raises ValueError where they are not."""
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(as_unit_vectors(vectors))
    return _viewed(index)


def pack_vectors(vectors: Vectors) -> bytes:
    """The file content that `read_vectors` maps; deterministic."""
    return bytes(faiss.serialize_index(flat_vectors(vectors).index))


def read_vectors(path: Path) -> FlatVectors:
    """Map a file into memory, read-only: the processes of a machine share one copy of its pages.

    FAISS trusts the lengths in a mapped file and would read past its end, so they are compared with its size first.

    Raises:
        ValueError: it is not a flat inner-product index, or its vectors are not unit norm.
        OSError: it cannot be read.
    """
    _check_lengths(path)
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as err:
        raise ValueError("it is not readable as a FAISS index") from err
    if not isinstance(index, faiss.IndexFlatIP):
        raise ValueError(f"it is a {type(index).__name__}, expected an IndexFlatIP")
    vectors = _viewed(index)
    as_unit_vectors(vectors.matrix)
    return vectors


def _check_lengths(path: Path) -> None:
    size_bytes = path.stat().st_size
    with path.open("rb") as file:
        header = file.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(_FLAT_IP):
        raise ValueError("it is not a flat inner-product index of FAISS")
    _, dimension, rows, _, _, _, _, floats = _HEADER.unpack(header)
    if dimension < 1 or rows < 0 or floats != rows * dimension or size_bytes != _HEADER.size + 4 * floats:
        raise ValueError(f"its header promises {rows} vectors of {dimension} dimensions in {size_bytes} bytes")


def _viewed(index: faiss.IndexFlatIP) -> FlatVectors:
    shape = (int(index.ntotal), int(index.d))
    if index.ntotal == 0:
        return FlatVectors(index, np.empty(shape, dtype=np.float32))
    floats = (ctypes.c_float * (shape[0] * shape[1])).from_address(int(index.get_xb()))
    # faiss's own view does not hold its index, and would be left dangling.
    floats.owner = index  # type: ignore[attr-defined]  # a ctypes array takes attributes
    matrix: Vectors = np.ctypeslib.as_array(floats).reshape(shape)
    matrix.flags.writeable = False
    return FlatVectors(index, matrix)
