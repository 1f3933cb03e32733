"""A real broker for the length of a benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from dev.kafka.node import start, stop

__all__ = ["own_kafka"]


@contextmanager
def own_kafka(folder: Path, brokers: Sequence[str]) -> Iterator[str]:
    """A real broker of our own where one is wanted; its address."""
    if "kafka" not in brokers:
        yield ""
        return
    node = start(folder)
    try:
        yield node.cluster.bootstrap
    finally:
        stop(node)
