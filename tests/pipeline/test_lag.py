"""How far the ledger is behind: also where nothing was fetched, where nothing moves, and where nobody answers."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
import structlog

from hadir.core.clock import ManualClock
from hadir.core.errors import LedgerUnavailable, StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.lag import BLIND_LOOKS, LOOK_S, LagWatch
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.memory_reader import MemoryReader
from hadir.pipeline.partitioner import partition_of
from hadir.pipeline.ports import Record
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.log_broker import Broker
from tests.pipeline.test_log_reads import lasting_reader_of
from tests.pipeline.world import World, a_check_in, check_in_message

GROUP = "hadir"
PATIENCE_S = 30.0
EVERYWHERE = frozenset(range(4))


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


class Asked(MemoryReader):
    """Counts what is read, and does not answer when it is told so."""

    def __init__(self, world: World) -> None:
        super().__init__(world.log)
        self.read_from: list[Stretch] = []
        self.answers, self.breaks = True, False
        self.asked, self.closed = threading.Event(), threading.Event()

    def bounds(self, topic: str) -> dict[int, Stretch]:
        self.asked.set()
        if self.breaks:
            raise KeyError(topic)
        if not self.answers:
            raise StreamUnavailable("nobody answers")
        return super().bounds(topic)

    def read(self, topic: str, stretches: Sequence[Stretch]) -> Iterator[list[Record]]:
        self.read_from += stretches
        return super().read(topic, stretches)

    def close(self) -> None:
        self.closed.set()


class Watched:
    """A lag watch that looks when it is told to, every five seconds of a clock that is set by hand."""

    def __init__(self, world: World, partitions: frozenset[int] = EVERYWHERE) -> None:
        assert isinstance(world.clock, ManualClock)
        self.world, self.clock, self.reader = world, world.clock, Asked(world)
        self.ledger_answers = True
        self.watch = LagWatch(
            self.reader, self._positions, lambda: partitions, topic=CHECK_INS, group=GROUP, clock=world.clock
        )

    def look(self) -> None:
        self.clock.advance(LOOK_S)
        self.watch.look()

    def seen(self) -> tuple[int, float]:
        return self.watch.records(), self.watch.oldest_age_s()

    def _positions(self) -> Mapping[int, int]:
        if not self.ledger_answers:
            raise LedgerUnavailable("no database")
        return self.world.ledger.positions(CHECK_INS)


def send(world: World, *people: str) -> None:
    world.send(*(check_in_message(a_check_in(person)) for person in people))


def decide(world: World) -> None:
    world.intake().run_until_idle()


def test_where_nothing_waits_there_is_no_lag_and_no_age(world: World) -> None:
    watched = Watched(world)
    send(world, "p-1", "p-2")
    decide(world)
    for _ in range(3):
        watched.look()
        assert watched.seen() == (0, 0.0)


def test_a_consumer_that_fetches_nothing_cannot_hide_how_long_people_wait(world: World) -> None:
    watched = Watched(world)
    send(world, "p-1", "p-1")
    watched.clock.advance(3600)
    watched.look()
    watched.look()
    assert watched.seen() == (2, 3600 + 2 * LOOK_S)
    watched.clock.advance(60)
    assert watched.seen() == (2, 3660 + 2 * LOOK_S), "it grows between looks"


def test_a_partition_that_moves_has_no_age_here(world: World) -> None:
    watched = Watched(world)
    for _ in range(4):
        send(world, "p-1", "p-1")
        watched.look()
        assert watched.seen() == (2, 0.0)
        decide(world)
    assert not watched.reader.read_from


def test_what_was_decided_waits_no_more(world: World) -> None:
    watched = Watched(world)
    send(world, "p-1")
    for _ in range(3):
        watched.look()
    assert watched.seen() == (1, 3 * LOOK_S)
    decide(world)
    watched.look()
    assert watched.seen() == (0, 0.0)


def test_a_record_is_read_for_its_time_once(world: World) -> None:
    watched = Watched(world)
    send(world, "p-1")
    for _ in range(6):
        watched.look()
    assert len(watched.reader.read_from) == 1


def test_only_this_members_partitions_count(world: World) -> None:
    send(world, "p-1")
    other = frozenset({partition_of(b"p-1", 4)})
    for partitions, records in ((EVERYWHERE - other, 0), (other, 1), (frozenset[int](), 0)):
        watched = Watched(world, partitions)
        watched.look()
        assert watched.seen()[0] == records


def test_where_the_ledger_knows_nothing_the_groups_commit_stands(world: World) -> None:
    send(world, "p-1", "p-1", "p-1")
    world.log.commit(CHECK_INS, GROUP, {partition_of(b"p-1", 4): 2})
    watched = Watched(world)
    watched.look()
    assert watched.seen()[0] == 1


@pytest.mark.parametrize("silent", ["log", "ledger"])
def test_nobody_can_say_what_waits_where_log_or_ledger_do_not_answer(world: World, silent: str) -> None:
    watched = Watched(world)
    watched.look()
    watched.reader.answers, watched.ledger_answers = silent != "log", silent != "ledger"
    for _ in range(BLIND_LOOKS):
        watched.look()
    assert watched.seen() == (0, 0.0), "a broker may take its time"
    watched.look()
    assert watched.seen() == (0, (BLIND_LOOKS + 1) * LOOK_S)
    watched.reader.answers = watched.ledger_answers = True
    watched.look()
    assert watched.seen() == (0, 0.0)


def test_a_client_that_breaks_is_no_answer_and_the_next_look_asks_again(world: World) -> None:
    watched = Watched(world)
    send(world, "p-1")
    watched.reader.breaks = True
    with structlog.testing.capture_logs() as lines:
        watched.look()
        watched.look()
    assert [line["error"] for line in lines] == ["KeyError"], "said once"
    watched.reader.breaks = False
    watched.look()
    assert watched.seen()[0] == 1


def test_a_record_that_is_gone_counts_from_when_it_was_missed(world: World) -> None:
    class Gone(Asked):
        def read(self, topic: str, stretches: Sequence[Stretch]) -> Iterator[list[Record]]:  # noqa: ARG002
            return iter(())

    watched = Watched(world)
    watched.watch._reader = Gone(world)
    send(world, "p-1")
    for _ in range(3):
        watched.look()
    assert watched.seen() == (1, 2 * LOOK_S)


def test_the_page_tells_the_older_of_what_is_in_hand_and_what_is_in_the_log(world: World) -> None:
    watched, metrics = Watched(world), StreamMetrics(world.clock)
    metrics.watch_lag(watched.watch.records, watched.watch.oldest_age_s)
    send(world, "p-1")
    for _ in range(3):
        watched.look()
    assert metrics.registry.get_sample_value("hadir_oldest_undecided_age_seconds") == 3 * LOOK_S
    assert metrics.registry.get_sample_value("hadir_consumer_lag_records") == 1


def test_its_thread_looks_by_itself_and_gives_up_the_reader_at_the_end(world: World) -> None:
    watched = Watched(world)
    with watched.watch:
        assert watched.reader.asked.wait(PATIENCE_S)
    assert watched.reader.closed.wait(PATIENCE_S)


def test_of_a_real_log_the_time_of_who_waits_is_the_brokers_own(broker: Broker) -> None:
    with closing(broker.sink()) as sink:
        sink.send([Message(broker.topic.name, b"p-1", b"1"), Message(broker.topic.name, b"p-1", b"2")])
    first, _ = broker.tail().read(broker.topic.name)
    clock = ManualClock(first.timestamp_ms + 90_000)
    reader, mine = lasting_reader_of(broker), frozenset(range(broker.topic.partitions))
    watch = LagWatch(reader, dict, lambda: mine, topic=broker.topic.name, group="nobody-yet", clock=clock)
    for _ in range(2):
        watch.look()
    assert (watch.records(), watch.oldest_age_s()) == (2, 90.0)
    reader.close()
