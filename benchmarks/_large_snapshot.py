"""A snapshot's folder with millions of people, written in blocks: what a shard loads, without a gallery behind it."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from hadir.core.thresholds import ThresholdTable
from hadir.core.vectors import Vectors
from hadir.faces.pack import PackInfo
from hadir.index.calibration import Calibration
from hadir.index.calibration_file import calibration_to_json
from hadir.index.faiss_vectors import pack_vectors
from hadir.index.manifest import MANIFEST, FileMark, Manifest, content_id, manifest_to_json
from hadir.index.people import EnrolledPerson, people_to_json
from hadir.index.snapshot_checks import CALIBRATION, PEOPLE, SYNTHETIC, VECTORS
from hadir.index.space import EmbeddingSpace
from hadir.index.synthetic import Statistics, draw_people

__all__ = ["write_large_snapshot"]

BLOCK = 100_000
_COUNTS = {8: "<q", 37: "<Q"}
"""Where FAISS's flat format keeps the number of vectors and of floats (`faiss_vectors._HEADER`)."""


def write_large_snapshot(folder: Path, pack: PackInfo, statistics: Statistics, people: int) -> Path:
    """`people` drawn vectors under `folder`; everyone counts as real, so that cohorts are taken from all of them."""
    folder.mkdir(parents=True)
    named = [EnrolledPerson(f"drawn-{number:07d}", photos=1) for number in range(people)]
    marks = {
        VECTORS: _write_vectors(folder / VECTORS, statistics, people),
        SYNTHETIC: _write(folder / SYNTHETIC, pack_vectors(next(_blocks(statistics, 1))[:0])),
        PEOPLE: _write(folder / PEOPLE, people_to_json(named)),
        CALIBRATION: _write(folder / CALIBRATION, calibration_to_json(Calibration(ThresholdTable({}), {}, {}))),
    }
    space = EmbeddingSpace(pack.embedding_space, pack.dimension, pack.name, pack.precision, pack.licence)
    manifest = Manifest("", space, people, people, 0, marks, created_at_ms=0, hadir_version="benchmark")
    (folder / MANIFEST).write_bytes(manifest_to_json(replace(manifest, id=content_id(manifest))))
    return folder


def _blocks(statistics: Statistics, people: int) -> Iterator[Vectors]:
    for start in range(0, people, BLOCK):
        yield draw_people(statistics, min(BLOCK, people - start), seed=start)[0]


def _write_vectors(path: Path, statistics: Statistics, people: int) -> FileMark:
    first = next(_blocks(statistics, 1))
    header = bytearray(pack_vectors(first)[: -first.nbytes])
    for at, count in zip(_COUNTS, (people, people * first.shape[1]), strict=True):
        struct.pack_into(_COUNTS[at], header, at, count)
    digest = hashlib.sha256(header)
    with path.open("wb") as file:
        file.write(header)
        for block in _blocks(statistics, people):
            file.write(block.tobytes())
            digest.update(block.tobytes())
    return FileMark(path.stat().st_size, digest.hexdigest())


def _write(path: Path, content: bytes) -> FileMark:
    path.write_bytes(content)
    return FileMark.of(content)
