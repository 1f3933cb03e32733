"""One exact search over people who are spread over several indexes: every shard answers, the answers are merged.

Exact, because each shard's best are exact: the best two of all are among the best two of each, and the cohort's top
among the tops. Scores and order are those of the unsharded index, bit for bit where the shards score in float64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import nsmallest
from itertools import pairwise
from pathlib import Path

import numpy as np

from hadir.core.errors import SnapshotError
from hadir.core.vectors import Vectors
from hadir.index.faiss_vectors import flat_vectors, read_vectors
from hadir.index.flat import FlatIndex
from hadir.index.manifest import REMEDY, read_manifest
from hadir.index.people import people_from_json
from hadir.index.search import OTHERS, FaceIndex, SearchResult
from hadir.index.snapshot_checks import PEOPLE, SYNTHETIC, VECTORS, check_file
from hadir.index.space import require_same_space

__all__ = ["SHARD_ABOVE", "AskShards", "ShardedIndex", "load_shard", "merge_answers", "shard_rows"]

SHARD_ABOVE = 300_000
"""People whom one process searches alone. There a probe takes 1.0 ms at batch 32 (128 dimensions, a cohort of 100, one
core; .064 ms among 13,000), a fifth of what looking at its photo takes, and the vectors fill 154 MB."""

AskShards = Callable[[Vectors, Sequence[str | None], int], Sequence[Sequence[SearchResult]]]
"""(probes, claimed, cohort) to one list of answers per shard, each parallel to the probes; all shards or an error."""


def shard_rows(rows: int, shards: int) -> list[range]:
    """`rows` dealt to `shards` in stretches that differ by one row at most. Raises ValueError below one shard."""
    if shards < 1:
        raise ValueError(f"{shards} shards, expected one at least")
    edges = [rows * n // shards for n in range(shards + 1)]
    return [range(start, end) for start, end in pairwise(edges)]


def merge_answers(parts: Sequence[SearchResult], cohort: int) -> SearchResult:
    """One probe's answers from all shards as if there were one index.

    The claimed person is in one shard at most; every shard has left them out of its others and its cohort.
    """
    claimed = [part.claimed for part in parts if part.claimed is not None]
    if len(claimed) > 1:
        raise ValueError(f"{len(claimed)} shards hold the claimed person, expected one at most: deal each person once")
    others = (other for part in parts for other in part.others)
    scores = np.concatenate([part.cohort for part in parts])
    tops = np.argsort(scores)[::-1][:cohort]
    photos = [part.cohort_photos for part in parts if part.cohort_photos is not None]
    return SearchResult(
        claimed=claimed[0] if claimed else None,
        others=tuple(nsmallest(OTHERS, others, key=lambda other: (-other.similarity, other.person))),
        cohort=scores[tops],
        cohort_photos=np.concatenate(photos)[tops] if len(photos) == len(parts) else None,
    )


class ShardedIndex:
    """A FaceIndex over shards that are asked through `ask`: in this process, or spread over machines."""

    def __init__(self, people: int, embedding_space: str, ask: AskShards) -> None:
        self._people = people
        self._embedding_space = embedding_space
        self._ask = ask

    @classmethod
    def over(cls, shards: Sequence[FaceIndex]) -> ShardedIndex:
        """Shards of this process, asked one after the other. Raises SpaceMismatch where two differ in their space."""
        space = shards[0].embedding_space
        for shard in shards:
            require_same_space("the first shard", space, shard.embedding_space)

        def ask(probes: Vectors, claimed: Sequence[str | None], cohort: int) -> Sequence[Sequence[SearchResult]]:
            return [shard.search(probes, claimed, space, cohort) for shard in shards]

        return cls(sum(map(len, shards)), space, ask)

    @property
    def embedding_space(self) -> str:
        return self._embedding_space

    def __len__(self) -> int:
        return self._people

    def search(
        self, probes: Vectors, claimed: Sequence[str | None], embedding_space: str, cohort: int = 100
    ) -> list[SearchResult]:
        require_same_space("this index", self._embedding_space, embedding_space)
        answers = self._ask(probes, claimed, cohort)
        return [merge_answers(parts, cohort) for parts in zip(*answers, strict=True)]


def load_shard(folder: Path, number: int, shards: int) -> FlatIndex:
    """Shard `number` of a snapshot, counted from 0: its stretch of real and of synthetic people, in memory.

    Raises:
        SnapshotError: a file is missing or altered, or people and vectors do not fit each other.
    """
    manifest = read_manifest(folder)
    for name in (VECTORS, SYNTHETIC, PEOPLE):
        check_file(folder, manifest, name)
    try:
        people = people_from_json((folder / PEOPLE).read_bytes())
        real, synthetic = (read_vectors(folder / name).matrix for name in (VECTORS, SYNTHETIC))
    except (OSError, ValueError) as err:
        raise SnapshotError(f"{folder} cannot be sharded: {err}: {REMEDY}") from err
    if len(people) != len(real) + len(synthetic):
        raise SnapshotError(f"{folder} names {len(people)} people for {len(real) + len(synthetic)} vectors: {REMEDY}")
    own = shard_rows(len(real), shards)[number]
    more = shard_rows(len(synthetic), shards)[number]
    return FlatIndex(
        flat_vectors(np.array(real[own.start : own.stop])),
        flat_vectors(np.array(synthetic[more.start : more.stop])),
        [*people[own.start : own.stop], *people[len(real) + more.start : len(real) + more.stop]],
        manifest.space.name,
    )
