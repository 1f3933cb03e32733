"""Who is working, in a few words each, for the live view."""

from __future__ import annotations

import os

from hadir.actors.pool import RayPool
from hadir.pipeline.inline import InlinePool

__all__ = ["worker_lines"]


def worker_lines(pool: InlinePool | RayPool) -> list[str]:
    """One line per worker."""
    if isinstance(pool, InlinePool):
        return [f"inline, pid {os.getpid()}"]
    return [
        f"actor {info.index}  pid {info.pid or '…'}  restarts {info.restarts}  {info.rss_bytes >> 20} MB"
        for info in pool.workers()
    ]
