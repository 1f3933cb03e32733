"""A site to rehearse on: a running pipeline with an empty ledger, and no other one on the same log."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dev.kafka.node import Node
from hadir.app.demo_people import RealPerson
from hadir.core.settings import Settings
from tests.app.kafka_site import kafka_site
from tests.app.programs import program
from tests.app.site import Site

__all__ = ["REPLAY", "served"]

REPLAY = '[replay]\nnear = "record"\n' if "replay" in Settings.model_fields else ""
"""Variations of few photos are near one another."""


@contextmanager
def served(folder: Path, people: list[RealPerson], node: Node) -> Iterator[Site]:
    """A site with a running pipeline and an empty ledger."""
    site = kafka_site(folder, people, node, REPLAY)
    with program("run", "--pool", "inline", "--config", site.config, folder=folder / "said") as started:
        started.wait_until_it_serves()
        yield site
        assert started.signal(signal.SIGTERM) == 0
