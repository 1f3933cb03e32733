"""A member in a process of its own, which may die or be frozen: `python -m tests.chaos.one_member KAFKA LEDGER HOW`.

HOW is where it dies of itself (`after_commit`, `after_publish`), or the path of a gate: while no file is there, its
worker keeps what it was given, and says so by a file beside it.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import LedgerBatch
from hadir.core.evidence import FaceFinding
from hadir.core.message import Message
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.ports import FaceJob
from hadir.pipeline.topics import with_partitions
from tests.chaos.morning import KafkaSite, Member
from tests.pipeline.world import PhotoStage

__all__ = ["DIED", "begun"]

DIED = 9
UNDECIDED = 3


class DiesAfterCommit(Ledger):
    """The first batch is durable; nobody hears of it."""

    def write(self, batch: LedgerBatch) -> None:
        super().write(batch)
        os._exit(DIED)


class DiesAfterPublish(KafkaSink):
    """The first messages are acknowledged; the outbox does not know."""

    def send(self, messages: Sequence[Message]) -> None:
        super().send(messages)
        os._exit(DIED)


@dataclass(frozen=True, slots=True)
class GatedStage:
    """Waits for the gate to be opened."""

    gate: Path

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        begun(self.gate).touch()
        pause = threading.Event()
        while not self.gate.exists():
            pause.wait(0.02)
        return PhotoStage().process(jobs)


def begun(gate: Path) -> Path:
    """The file that says that a worker waits there."""
    return gate.with_suffix(".begun")


def main(kafka: str, ledger_url: str, how: str) -> int:
    """Until SIGTERM. 0; 3 where a commit was made too early."""
    undecided: list[str] = []
    cluster = KafkaCluster(kafka)
    site = KafkaSite(cluster, with_partitions(4)[0])
    if how == "after_commit":
        member = Member(site, ledger_url, undecided.append, kind=DiesAfterCommit)
    elif how == "after_publish":
        member = Member(site, ledger_url, undecided.append, publisher=DiesAfterPublish(cluster))
    else:
        member = Member(site, ledger_url, undecided.append, stage=lambda: GatedStage(Path(how)))
    stopped = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopped.set())
    stopped.wait()
    member.stop()
    if member.failure is not None:
        raise member.failure
    return UNDECIDED if undecided else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
