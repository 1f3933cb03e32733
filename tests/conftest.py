"""What the tests of several floors share: one real Kafka for the whole session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dev.kafka.node import Node, missing_part, start, stop
from dev.kafka.secured import SecuredNode, missing_secured_part, secured_node


@pytest.fixture(scope="session")
def kafka_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    """A real one-node Kafka on a free port of loopback; ended by its pid."""
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    node = start(tmp_path_factory.mktemp("kafka"))
    yield node
    stop(node)


@pytest.fixture(scope="session")
def secured_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredNode]:
    """A real one-node Kafka that asks for TLS, a password and permissions; ended by its pid."""
    if (missing := missing_secured_part()) is not None:
        pytest.skip(missing)
    with secured_node(tmp_path_factory.mktemp("secured") / "node") as node:
        yield node
