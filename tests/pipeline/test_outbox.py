"""The relay: at least once, in order, with equal bytes; what cannot be sent stays and holds up nobody."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import structlog

from hadir.core.clock import ManualClock
from hadir.core.errors import LedgerUnavailable, StreamError, StreamUnavailable
from hadir.core.message import Message
from hadir.pipeline.dead_letters import read_dead_letters, replay
from hadir.pipeline.memory import MemorySink
from hadir.pipeline.outbox import Relay
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS
from tests.pipeline.world import World, a_check_in, check_in_message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


class BadSink:
    """Fails as told, and then works; says `sent` when something arrived."""

    def __init__(self, world: World, failures: int = 0, after_sending: bool = False, refuse: bytes = b"none") -> None:
        self._sink = MemorySink(world.log)
        self._failures, self._after_sending, self._refuse = failures, after_sending, refuse
        self.sent = threading.Event()

    def send(self, messages: Sequence[Message]) -> None:
        if any(message.key == self._refuse for message in messages):
            raise StreamError("too large")
        failing = self._failures > 0
        self._failures -= failing
        if not failing or self._after_sending:
            self._sink.send(messages)
        if failing:
            raise StreamUnavailable("nobody answers")
        self.sent.set()

    def close(self) -> None:
        self._sink.close()


def decide(world: World, count: int) -> list[str]:
    sent = [a_check_in(f"p-{n}") for n in range(count)]
    world.send(*map(check_in_message, sent))
    world.intake().run_until_idle()
    return [one.id for one in sent]


def published(world: World) -> list[bytes]:
    return [record.value for record in world.log.read(VERDICTS)]


def test_everything_in_the_outbox_is_published_once(world: World) -> None:
    decide(world, 30)
    Relay(world.ledger, MemorySink(world.log), world.clock, batch=7).drain()
    assert len(published(world)) == len(set(published(world))) == 30
    assert world.ledger.outbox_depth() == 0


def test_what_was_not_acknowledged_is_sent_again_with_the_same_bytes(world: World) -> None:
    decide(world, 5)
    relay = Relay(world.ledger, BadSink(world, failures=2, after_sending=True), world.clock, observer=world.seen)
    assert isinstance(world.clock, ManualClock)
    for _ in range(6):
        relay.step()
        world.clock.advance(10)
    assert len(published(world)) == 15
    assert len(set(published(world))) == 5
    assert world.ledger.outbox_depth() == 0
    assert world.seen.retries == [("outbox", "stream_unavailable")] * 2


def test_a_send_that_was_acknowledged_is_told_with_its_time(world: World) -> None:
    decide(world, 5)
    took: list[float] = []
    relay = Relay(world.ledger, BadSink(world, failures=1), world.clock, batch=3, on_published=took.append)
    assert isinstance(world.clock, ManualClock)
    for _ in range(4):
        relay.step()
        world.clock.advance(10)
    assert len(took) == 2, "three and two; what failed is not a send"


def test_an_outage_is_not_hammered(world: World) -> None:
    decide(world, 1)
    relay = Relay(world.ledger, BadSink(world, failures=99), world.clock, observer=world.seen)
    for _ in range(50):
        relay.step()
    assert len(world.seen.retries) == 1


def test_a_refused_message_holds_up_nobody_and_stays(world: World) -> None:
    ids = decide(world, 5)
    relay = Relay(world.ledger, BadSink(world, refuse=b"p-2"), world.clock)
    with structlog.testing.capture_logs() as lines:
        relay.step()
    assert [line["check_in"] for line in lines if line["event"] == "outbox_row_refused"] == [ids[2]]
    assert len(published(world)) == 4
    assert [row.message.key for row in world.ledger.unpublished(9)] == [b"p-2"]


def test_the_thread_publishes_when_it_is_woken_and_the_rest_when_it_is_closed(world: World) -> None:
    sink = BadSink(world)
    relay = Relay(world.ledger, sink, world.clock)
    relay.start()
    decide(world, 3)
    relay.wake()
    assert sink.sent.wait(30)
    decide(world, 2)
    relay.close()
    relay.close()
    assert len(published(world)) == 5


def test_dead_letters_are_read_with_their_reasons(world: World) -> None:
    world.send(Message(CHECK_INS, b"p-1", b"?"))
    world.intake().run_until_idle()
    Relay(world.ledger, MemorySink(world.log), world.clock).drain()
    [letter] = read_dead_letters(world.log.read(DEAD_LETTERS))
    assert (letter.id, letter.code, letter.source_topic, letter.offset) == (None, "undecodable", CHECK_INS, 0)
    assert letter.record.value == b"?"


def test_a_replay_sends_the_original_bytes_under_the_original_key(world: World) -> None:
    world.send(Message(CHECK_INS, b"p-1", b"?"))
    world.intake().run_until_idle()
    Relay(world.ledger, MemorySink(world.log), world.clock).drain()
    letters = list(read_dead_letters(world.log.read(DEAD_LETTERS)))
    assert replay(letters, MemorySink(world.log)) == 1
    assert [(r.key, r.value) for r in world.log.read(CHECK_INS)] == [(b"p-1", b"?")] * 2


def test_letters_of_one_content_are_replayed_once(world: World) -> None:
    """Each that fails again becomes a letter again: sending all of them would double them every time."""
    world.send(Message(CHECK_INS, b"p-1", b"?"))
    world.intake().run_until_idle()
    Relay(world.ledger, MemorySink(world.log), world.clock).drain()
    letters = list(read_dead_letters(world.log.read(DEAD_LETTERS)))
    assert replay([*letters, *letters], MemorySink(world.log)) == 1


def test_a_replay_never_writes_where_a_header_says(world: World) -> None:
    headers = (("code", b"undecodable"), ("source_topic", VERDICTS.encode()))
    world.log.append(Message(DEAD_LETTERS, b"p-1", b"forged", headers))
    assert replay(read_dead_letters(world.log.read(DEAD_LETTERS)), MemorySink(world.log)) == 0


def test_a_letter_that_hadir_did_not_write_is_listed_too(world: World) -> None:
    world.log.append(Message(DEAD_LETTERS, b"p-1", b"x", (("partition", "²".encode()),)))
    [letter] = read_dead_letters(world.log.read(DEAD_LETTERS))
    assert (letter.code, letter.partition) == ("unknown", -1)


def test_a_relay_that_does_not_lead_leaves_the_outbox_to_the_one_that_does(world: World) -> None:
    clock = manual(world)
    leader = Relay(world.ledger, MemorySink(world.log), world.clock)
    follower = Relay(world.ledger, MemorySink(world.log), world.clock, leads=lambda: False)
    for _ in range(20):
        decide(world, 3)
        follower.step()
        clock.advance(1.0)
        leader.step()
    assert len(published(world)) == 60
    assert len(set(published(world))) == 60


def test_a_relay_that_does_not_lead_steps_in_where_nothing_leaves_the_outbox(world: World) -> None:
    clock = manual(world)
    follower = Relay(world.ledger, MemorySink(world.log), world.clock, leads=lambda: False)
    decide(world, 3)
    follower.drain()
    clock.advance(2.9)
    follower.drain()
    assert published(world) == []
    clock.advance(0.3)
    follower.drain()
    assert len(published(world)) == 3


def test_while_nobody_can_tell_who_leads_nothing_is_published(world: World) -> None:
    def nobody_knows() -> bool:
        raise LedgerUnavailable("no answer")

    relay = Relay(world.ledger, MemorySink(world.log), world.clock, observer=world.seen, leads=nobody_knows)
    decide(world, 1)
    assert not relay.step()
    assert published(world) == []
    assert world.seen.retries == [("outbox", "ledger_unavailable")]


def manual(world: World) -> ManualClock:
    assert isinstance(world.clock, ManualClock)
    return world.clock
