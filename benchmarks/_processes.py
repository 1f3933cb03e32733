"""What a station's processes cost: resident memory and processor time, by kind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import psutil

from hadir.actors.pool import RayPool
from hadir.pipeline.ports import Pool

__all__ = ["Cost", "cost_per_photo", "costs"]

_BESIDE = ("raylet", "gcs_server", "java")
"""Ray's two servers, and a Kafka broker where this process has started one."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Of all processes of a kind: processor seconds together, and the resident memory of the largest. Pages that they
    share (libraries, the mapped snapshot, photos on their way) count in each."""

    cpu_s: float = 0.0
    rss_mb: float = 0.0

    def with_process(self, process: psutil.Process) -> Cost:
        """One more of this kind."""
        times = process.cpu_times()
        rss_mb = process.memory_info().rss / 1e6
        return Cost(self.cpu_s + times.user + times.system, max(self.rss_mb, rss_mb))


def costs(pool: Pool) -> dict[str, Cost]:
    """Until now. `driver` is this process, `face_actor` who serves `pool`."""
    found: dict[str, Cost] = {}
    for kind, process in _kinds(pool):
        with suppress(psutil.NoSuchProcess):
            found[kind] = found.get(kind, Cost()).with_process(process)
    return found


def cost_per_photo(before: Mapping[str, Cost], after: Mapping[str, Cost], photos: int) -> dict[str, float]:
    """Named figures: what `photos` cost each kind of process, and how large it had become."""
    cpu_s = {kind: cost.cpu_s - before.get(kind, Cost()).cpu_s for kind, cost in after.items()}
    return {
        **{f"{kind}_cpu_ms_per_photo": 1000 * seconds / photos for kind, seconds in cpu_s.items()},
        **{f"{kind}_rss_mb": cost.rss_mb for kind, cost in after.items()},
    }


def _kinds(pool: Pool) -> Iterator[tuple[str, psutil.Process]]:
    yield "driver", psutil.Process()
    if isinstance(pool, RayPool):
        for worker in pool.workers():
            yield "face_actor", psutil.Process(worker.pid)
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if child.name() in _BESIDE:
                yield child.name(), child
