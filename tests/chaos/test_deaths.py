"""Processes that die or freeze at the worst moment, on a real broker: each check-in still has exactly one verdict."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dev.kafka.node import Node
from hadir.pipeline.topics import VERDICTS
from tests.chaos.morning import PATIENCE_S, Morning, people, until
from tests.chaos.one_member import DIED, begun

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def one_member(node: Node, morning: Morning, how: object) -> Iterator[subprocess.Popen[bytes]]:
    """Killed at the end where it still runs."""
    command = [sys.executable, "-m", "tests.chaos.one_member", node.cluster.bootstrap, morning.ledger_url, str(how)]
    with subprocess.Popen(command, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def test_after_a_crash_between_the_databases_commit_and_publishing_the_outbox_is_published(
    own_node: Node, kafka_morning: Morning
) -> None:
    kafka_morning.send(people(30))
    with one_member(own_node, kafka_morning, "after_commit") as died:
        assert died.wait(PATIENCE_S) == DIED
    assert kafka_morning.ledger.outbox_depth() == kafka_morning.ledger.counts().rows > 0
    assert list(kafka_morning.site.read(VERDICTS)) == []
    assert sum(kafka_morning.site.committed().values()) == 0
    kafka_morning.member()
    kafka_morning.settle()


def test_after_a_crash_between_publishing_and_marking_the_same_bytes_are_published_again(
    own_node: Node, kafka_morning: Morning
) -> None:
    kafka_morning.send(people(30))
    with one_member(own_node, kafka_morning, "after_publish") as died:
        assert died.wait(PATIENCE_S) == DIED
    published = [record.value for record in kafka_morning.site.read(VERDICTS)]
    assert published
    assert kafka_morning.ledger.outbox_depth() == kafka_morning.ledger.counts().rows
    kafka_morning.member()
    kafka_morning.settle()
    values = [record.value for record in kafka_morning.site.read(VERDICTS)]
    assert len(values) == 30 + len(published)
    assert len(set(values)) == 30


def test_a_member_that_was_frozen_beyond_its_session_comes_back_and_changes_nothing(
    own_node: Node, kafka_morning: Morning, tmp_path: Path
) -> None:
    """It holds findings of partitions that another has decided meanwhile, and believes them to be its own."""
    gate = tmp_path / "gate"
    kafka_morning.send(people(30))
    with one_member(own_node, kafka_morning, gate) as frozen:
        until(begun(gate).exists)
        frozen.send_signal(signal.SIGSTOP)
        gate.touch()
        kafka_morning.member()
        kafka_morning.wait_for_rows()
        frozen.send_signal(signal.SIGCONT)
        kafka_morning.send(people(30))
        kafka_morning.wait_for_rows()
        frozen.send_signal(signal.SIGTERM)
        assert frozen.wait(PATIENCE_S) == 0
    kafka_morning.settle()


def test_a_member_that_is_killed_with_work_in_hand_leaves_it_to_the_next(
    own_node: Node, kafka_morning: Morning, tmp_path: Path
) -> None:
    gate = tmp_path / "gate"
    kafka_morning.send(people(30))
    with one_member(own_node, kafka_morning, gate) as killed:
        until(begun(gate).exists)
        killed.send_signal(signal.SIGKILL)
        killed.wait(PATIENCE_S)
    assert kafka_morning.ledger.counts().rows == 0
    kafka_morning.member()
    kafka_morning.settle()


def test_members_that_come_and_go_in_the_middle_cost_a_pause_alone(kafka_morning: Morning) -> None:
    kafka_morning.member()
    for _ in range(3):
        second = kafka_morning.member()
        kafka_morning.send(people(60))
        while not second.seen.received:
            # The first may have decided all of them before the second had its partitions.
            kafka_morning.send(people(5))
            kafka_morning.wait_for_rows()
        second.stop()
        assert second.failure is None
    kafka_morning.settle()
