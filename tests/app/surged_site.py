"""A site to rehearse on: a broker, a log and a ledger that nobody has used, and a running pipeline."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.kafka.node import Node, missing_part, start, stop
from hadir.app.demo_people import RealPerson
from tests.app.kafka_site import kafka_site
from tests.app.programs import program
from tests.app.site import Site

__all__ = ["REPLAY", "fresh_node", "served"]

REPLAY = '[replay]\nnear = "record"\n'
"""Variations of few photos are near one another."""


@contextmanager
def fresh_node(folder: Path) -> Iterator[Node]:
    """Skips where there is no real Kafka."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    node = start(folder)
    try:
        yield node
    finally:
        stop(node)


@contextmanager
def served(folder: Path, people: list[RealPerson], node: Node) -> Iterator[Site]:
    """A site with a running pipeline and an empty ledger."""
    site = kafka_site(folder, people, node, REPLAY)
    with program("run", "--pool", "inline", "--config", site.config, folder=folder / "said") as started:
        started.wait_until_it_serves()
        yield site
        assert started.signal(signal.SIGTERM) == 0
