"""A snapshot with more people than one process should search is spread over shards; others are left as they are."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from hadir.actors.face_actor import BACKGROUND_CORES
from hadir.actors.index_shards import IndexShards
from hadir.app.wiring import Serving
from hadir.index.shards import SHARD_ABOVE

__all__ = ["ShardedServing"]


class ShardedServing:
    """Starts the shards of the snapshots that need them; on a Ray that was started or joined already."""

    def __init__(self, shards: int, above: int = SHARD_ABOVE) -> None:
        """`shards` per snapshot; `above` so many people."""
        self._shards = shards
        self._above = above
        self._started: list[IndexShards] = []

    def place(self, served: Serving) -> Serving:
        """The same, with a stage that asks shards where its snapshot is large; blocks until they have loaded it. The
        shards of the snapshot before serve until the next one comes: workers may still answer with it.

        Raises:
            SnapshotError, SetupError: a shard cannot load, or there is no room for it.
        """
        manifest = served.snapshot.manifest
        if manifest.people + manifest.synthetic <= self._above:
            return served
        # Shards take turns with the face actors that wait for them: they need no cores of their own.
        started = IndexShards.start(Path(served.stage.snapshot), self._shards, cores_each=BACKGROUND_CORES)
        self._started.append(started)
        while len(self._started) > 2:
            self._started.pop(0).close()
        return replace(served, stage=replace(served.stage, shards=started.snapshot.connect))

    def close(self) -> None:
        """End all shards. Idempotent."""
        with ExitStack() as stack:
            while self._started:
                stack.callback(self._started.pop().close)
