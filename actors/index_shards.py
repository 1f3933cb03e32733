"""A gallery too large for one process, spread by rows over Ray actors; every search asks all of them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from typing import Any

from hadir.actors.face_actor import own_error
from hadir.core.errors import HadirError, PoolLost, SetupError
from hadir.core.vectors import Vectors
from hadir.index.flat import FlatIndex
from hadir.index.manifest import read_manifest
from hadir.index.search import SearchResult
from hadir.index.shards import ShardedIndex, load_shard

__all__ = ["IndexShards", "ShardActor", "ShardedSnapshot"]

START_LIMIT_S = 600.0
ANSWER_LIMIT_S = 30.0
"""By the cost per row (`SHARD_ABOVE`) a batch of 32 among five million takes half a second on one core; one that takes
this long is not answered any more."""


class ShardActor:
    """In a worker's process: one stretch of a snapshot's rows, in memory."""

    def __init__(self, folder: str, number: int, shards: int) -> None:
        self._index: FlatIndex | HadirError
        try:
            self._index = load_shard(Path(folder), number, shards)
        except HadirError as err:  # Ray would turn it into text; `people` raises it as it is
            self._index = err

    def people(self) -> int:
        """How many people this shard holds; answers when it is loaded, raises what loading raised."""
        return len(self._loaded())

    def search(self, probes: Vectors, claimed: Sequence[str | None], cohort: int) -> list[SearchResult]:
        """As `FlatIndex.search`."""
        index = self._loaded()
        return index.search(probes, claimed, index.embedding_space, cohort)

    def _loaded(self) -> FlatIndex:
        if isinstance(self._index, HadirError):
            raise self._index
        return self._index


@dataclass(frozen=True, slots=True)
class ShardedSnapshot:
    """The names under which any process of the cluster finds the shards. Picklable."""

    names: tuple[str, ...]
    people: int
    embedding_space: str

    def connect(self) -> ShardedIndex:
        """A FaceIndex whose every search asks all shards at once and waits for the last; for one thread.

        Raises:
            PoolLost: a shard is gone for good, on connecting or at a later search: never an answer without it.
        """
        ray = importlib.import_module("ray")
        try:
            shards = [ray.get_actor(name) for name in self.names]
        except ValueError as err:
            raise PoolLost(f"an index shard is not there any more ({err}): start again") from err

        def ask(probes: Vectors, claimed: Sequence[str | None], cohort: int) -> Sequence[Sequence[SearchResult]]:
            calls = [shard.search.remote(probes, list(claimed), cohort) for shard in shards]
            try:
                answers: list[list[SearchResult]] = ray.get(calls, timeout=ANSWER_LIMIT_S)
            except importlib.import_module("ray.exceptions").RayError as err:
                raise PoolLost(f"an index shard does not answer ({type(err).__name__}): start again") from err
            return answers

        return ShardedIndex(self.people, self.embedding_space, ask)


class IndexShards:
    """Starts the shards of one snapshot and ends them. Ray restarts a dead one and repeats the call that it missed:
    a search changes nothing, so unlike face actors (ADR 4) it may be repeated without asking who was to blame."""

    def __init__(self, snapshot: ShardedSnapshot, actors: Sequence[Any]) -> None:
        self.snapshot = snapshot
        self._actors = list(actors)

    @classmethod
    def start(cls, folder: Path, shards: int, cores_each: float = 1.0) -> IndexShards:
        """Load `shards` stretches of the snapshot in `folder`, a path that every node knows; blocks until all serve.

        Raises:
            SnapshotError, SetupError: a shard cannot load, or the cluster has no room for it.
        """
        ray = importlib.import_module("ray")
        manifest = read_manifest(folder)
        # The same snapshot may be started again before its earlier shards have ended.
        names = tuple(f"hadir-shard-{manifest.id}-{token_hex(4)}-{number}-of-{shards}" for number in range(shards))
        remote, lasting = ray.remote(ShardActor), {"max_restarts": -1, "max_task_retries": -1}
        actors = [
            remote.options(num_cpus=cores_each, name=name, **lasting).remote(str(folder), number, shards)
            for number, name in enumerate(names)
        ]
        started = cls(ShardedSnapshot(names, manifest.people + manifest.synthetic, manifest.space.name), actors)
        try:
            people = sum(ray.get([actor.people.remote() for actor in actors], timeout=START_LIMIT_S))
        except importlib.import_module("ray.exceptions").RayError as err:
            started.close()
            if isinstance(own := own_error(err), HadirError):
                raise own from err
            raise SetupError(
                f"not all of {shards} index shards could start ({type(err).__name__}): see that the cluster has a core "
                f"and memory for each, and that every node sees {folder}"
            ) from err
        if people != started.snapshot.people:
            started.close()
            raise SetupError(f"the shards hold {people} people, the snapshot {started.snapshot.people}: start again")
        return started

    def close(self) -> None:
        """End the shards. Idempotent."""
        ray = importlib.import_module("ray")
        actors, self._actors = self._actors, []
        for actor in actors:
            ray.kill(actor, no_restart=True)
