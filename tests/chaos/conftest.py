"""Brokers, databases and mornings that a test may hurt: each test has its own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.kafka.node import Node, missing_part, start, stop
from dev.kafka.three import ThreeBrokers, three_brokers
from dev.postgres import Postgres, programs
from hadir.pipeline.kafka_admin import create_topics
from hadir.pipeline.topics import with_partitions
from tests.chaos.mock_cluster import MockCluster, mock_cluster
from tests.chaos.morning import KafkaSite, Morning, open_morning

PARTITIONS = 4


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'ledger.db'}"


@pytest.fixture
def own_node(tmp_path: Path) -> Iterator[Node]:
    """A broker with Hadir's topics."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    node = start(tmp_path / "node")
    create_topics(node.cluster, with_partitions(PARTITIONS))
    yield node
    stop(node)


@pytest.fixture
def kafka_morning(own_node: Node, sqlite_url: str) -> Iterator[Morning]:
    with open_morning(KafkaSite(own_node.cluster, with_partitions(PARTITIONS)[0]), sqlite_url) as morning:
        yield morning


@pytest.fixture
def brokers(tmp_path: Path) -> Iterator[ThreeBrokers]:
    """Three, with Hadir's topics in three copies."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    with three_brokers(tmp_path / "brokers") as three:
        create_topics(three.cluster, with_partitions(PARTITIONS), replication=3)
        yield three


@pytest.fixture
def mock() -> Iterator[MockCluster]:
    """Three brokers that fail on command."""
    with mock_cluster(3) as cluster:
        yield cluster


@pytest.fixture
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A server of the test's own."""
    if programs() is None:
        pytest.skip("PostgreSQL's programs are not installed under /usr/lib/postgresql")
    # Not below a folder of pytest's: the server's user could not reach it there.
    with tempfile.TemporaryDirectory() as folder:
        server = Postgres(Path(folder))
        server.start()
        yield server
        server.stop()
