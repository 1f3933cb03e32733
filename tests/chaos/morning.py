"""A stream to hurt: people who check in, members that decide, and what must be true of both when all is quiet again."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Protocol

from kafka import KafkaConsumer, TopicPartition

from hadir.app.commit_watch import CommitWatch
from hadir.app.invariants import Found, Sent, check_invariants
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_database import Database
from hadir.core.check_in import CheckIn
from hadir.core.clock import Clock, SystemClock
from hadir.core.errors import StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.codec import decode
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.judge import Judge
from hadir.pipeline.kafka import KafkaSource
from hadir.pipeline.kafka_admin import KafkaCluster
from hadir.pipeline.kafka_sink import KafkaSink
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.memory import MemoryLog, MemorySink, MemorySource
from hadir.pipeline.outbox import Relay
from hadir.pipeline.ports import Record, Sink, Source, StageFactory
from hadir.pipeline.run import Intake
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS, TopicSpec
from tests.pipeline.kafka_probe import committed
from tests.pipeline.world import POLICY, STAMP, KeptPhotos, PhotoStage, PlainRules, Seen, a_check_in, check_in_message

__all__ = [
    "GROUP",
    "PATIENCE_S",
    "KafkaSite",
    "Member",
    "MemorySite",
    "Morning",
    "Site",
    "open_morning",
    "people",
    "until",
]

GROUP = "hadir"
PATIENCE_S = float(__import__("os").environ.get("PAT", "90"))
SESSION_TIMEOUT_MS = 6000
LOOK_S = 0.02


class Site(Protocol):
    """Where records go and come from."""

    def source(self) -> Source: ...
    def sink(self) -> Sink: ...
    def read(self, topic: str) -> Iterable[Record]: ...
    def committed(self) -> Mapping[int, int]: ...
    def ends(self) -> Mapping[int, int]: ...


class MemorySite:
    """The shipped memory log: for faults that are not the broker's."""

    def __init__(self, clock: Clock) -> None:
        self.log = MemoryLog(clock)

    def source(self) -> MemorySource:
        return MemorySource(self.log, CHECK_INS, GROUP)

    def sink(self) -> MemorySink:
        return MemorySink(self.log)

    def read(self, topic: str) -> Iterable[Record]:
        return self.log.read(topic)

    def committed(self) -> Mapping[int, int]:
        return self.log.committed(CHECK_INS, GROUP)

    def ends(self) -> Mapping[int, int]:
        ends = {partition: self.log.end(CHECK_INS, partition) for partition in self.log.partitions(CHECK_INS)}
        return {partition: end for partition, end in ends.items() if end}


class KafkaSite:
    """Real brokers whose topics nobody else uses. `through` is another way to the same brokers (a proxy)."""

    def __init__(self, cluster: KafkaCluster, topic: TopicSpec, through: KafkaCluster | None = None) -> None:
        self.cluster, self._topic, self._through = cluster, topic, through or cluster

    def source(self) -> KafkaSource:
        return KafkaSource(self._through, self._topic, GROUP, session_timeout_ms=SESSION_TIMEOUT_MS)

    def sink(self) -> KafkaSink:
        return KafkaSink(self._through)

    def read(self, topic: str) -> Iterable[Record]:
        return KafkaTail(self.cluster).read(topic)

    def committed(self) -> Mapping[int, int]:
        return {p: offset for p, offset in committed(self.cluster, self._topic.name, GROUP).items() if offset}

    def ends(self) -> Mapping[int, int]:
        with closing(self.cluster.open(KafkaConsumer)) as consumer:
            places = [TopicPartition(CHECK_INS, partition) for partition in consumer.partitions_for_topic(CHECK_INS)]
            return {place.partition: end for place, end in consumer.end_offsets(places).items() if end}


class Member:
    """One process's worth of Hadir, on a thread of its own."""

    def __init__(
        self,
        site: Site,
        ledger_url: str,
        report: Callable[[str], None],
        *,
        stage: StageFactory = PhotoStage,
        publisher: Sink | None = None,
        lock_wait_ms: int = 5_000,
        clock: Clock | None = None,
        kind: type[Ledger] = Ledger,
    ) -> None:
        clock = clock or SystemClock()
        self.seen = Seen()
        self.ledger = kind(Database(ledger_url, create=False, lock_wait_ms=lock_wait_ms))
        self.sink = publisher or site.sink()
        self.relay = Relay(self.ledger, self.sink, clock)
        watched = CommitWatch(site.source(), self.ledger, CHECK_INS, report)
        judge = Judge(self.ledger, PlainRules(), KeptPhotos(), policy=POLICY, stamp=STAMP, topic=CHECK_INS, clock=clock)
        self.intake = Intake(
            watched,
            InlinePool(stage),
            self.ledger,
            judge,
            topic=CHECK_INS,
            clock=clock,
            observer=self.seen,
            after_write=self.relay.wake,
        )
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="member", daemon=True)
        self.relay.start()
        self._thread.start()

    def stop(self) -> None:
        """As SIGTERM: finish what is in hand, publish it, leave."""
        self.intake.stop()
        self.join()

    def join(self) -> None:
        """Wait until it has ended; it may have failed."""
        self._thread.join(PATIENCE_S)
        assert not self._thread.is_alive(), "it does not end"
        self.relay.close()
        self.sink.close()
        self.ledger.close()

    def _run(self) -> None:
        try:
            self.intake.run()
        except BaseException as err:  # noqa: BLE001 - looked at by the test
            self.failure = err


class Morning:
    """One log and one ledger, members that come and go, and an account of what was sent."""

    def __init__(self, site: Site, ledger_url: str) -> None:
        self.site, self.ledger_url = site, ledger_url
        self.ledger = Ledger.open(ledger_url)
        self.undecided: list[str] = []
        self.members: list[Member] = []
        self._received: dict[str, set[str]] = {}
        self._undecodable: list[str] = []

    def member(self, **options: object) -> Member:
        """Start one; `options` as Member's."""
        self.members.append(
            Member(self.site, self.ledger_url, self.undecided.append, **options)  # type: ignore[arg-type]  # passed on
        )
        return self.members[-1]

    def send(self, check_ins: Iterable[CheckIn]) -> None:
        self.send_raw(map(check_in_message, check_ins))

    def send_raw(self, messages: Iterable[Message]) -> None:
        """As a client that asks until it is answered: the same bytes again, whatever became of them."""
        made = list(messages)
        until_s = time.monotonic() + PATIENCE_S
        with closing(self.site.sink()) as sink:
            while True:
                try:
                    sink.send(made)
                    break
                except StreamUnavailable:
                    assert time.monotonic() < until_s, "nobody takes what is sent"
        for message in made:
            self._note(message)

    def wait_for_rows(self, rows: int | None = None) -> None:
        """Until so many are in the ledger; all that were sent by default."""
        wanted = len(self._received) if rows is None else rows
        until(lambda: self.ledger.counts().rows >= wanted, lambda: f"{self.ledger.counts().rows} of {wanted} decided")

    def settle(self) -> None:
        """Wait for all rows, end the members, and hold the seven invariants against what is there."""
        self.wait_for_rows()
        # What bears no row (a repetition, a dead letter) is decided when the ledger stands at the end.
        until(lambda: self.ledger.positions(CHECK_INS) == self.site.ends(), lambda: "not decided to the end")
        # A member may not have been given its partitions yet: the group waits for a dead one's session to end.
        until(lambda: self.site.committed() == self.site.ends(), lambda: "not committed to the end")
        for member in self.members:
            member.stop()
            assert member.failure is None, member.failure
        self.check()

    def check(self) -> None:
        """All seven; members have ended."""
        until(lambda: self.ledger.outbox_depth() == 0, lambda: "the outbox is not empty")
        found = Found(
            self.ledger,
            CHECK_INS,
            POLICY,
            {STAMP.snapshot},
            self.site.read(VERDICTS),
            self.site.read(DEAD_LETTERS),
            self.site.committed(),
            self.site.ends(),
            self.undecided,
        )
        results = check_invariants(Sent(self._received, {}, self._undecodable), found)
        broken = [f"{result.number} {result.name}: {result.detail}" for result in results if result.holds is False]
        assert not broken, "\n".join(broken)

    def close(self) -> None:
        for member in self.members:
            member.stop()
        self.ledger.close()

    def _note(self, message: Message) -> None:
        try:
            received = decode(Record(0, 0, 0, message.key, message.value))
        except Exception:  # noqa: BLE001 - whatever cannot be decoded is a dead letter
            self._undecodable.append(hashlib.sha256(message.value).hexdigest())
        else:
            self._received.setdefault(received.id, set()).add(received.content_sha256)


@contextmanager
def open_morning(site: Site, ledger_url: str) -> Iterator[Morning]:
    """Members that still run at the end are stopped."""
    morning = Morning(site, ledger_url)
    try:
        yield morning
    finally:
        morning.close()


def people(count: int, photo: bytes = b"good", persons: int = 9) -> list[CheckIn]:
    """Check-ins of now; one in seven shows somebody else's face."""
    now_ms = SystemClock().now_ms()
    return [
        replace(a_check_in(f"p-{n % persons}", (b"bad" if n % 7 == 6 else photo,)), captured_at_ms=now_ms)
        for n in range(count)
    ]


def until(condition: Callable[[], bool], what: Callable[[], str] = lambda: "it did not come to that") -> None:
    """Look again and again, for PATIENCE_S at most."""
    until_s = time.monotonic() + PATIENCE_S
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < until_s, what()
        pause.wait(LOOK_S)
