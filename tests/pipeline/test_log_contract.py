"""The contract of Source, Sink and reader, on the memory log and on a real Kafka."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from hadir.core.errors import OffsetLost, SetupError, StreamError
from hadir.core.message import Message
from hadir.pipeline.membership import Membership
from hadir.pipeline.memory import MemoryLog
from hadir.pipeline.ports import Record
from tests.pipeline.log_broker import PATIENCE_S, Broker, Member


@pytest.fixture
def members(broker: Broker) -> Iterator[list[Member]]:
    started: list[Member] = []
    yield started
    for member in started:
        member.source.close()


def join(broker: Broker, members: list[Member], group: str = "g", positions: dict[int, int] | None = None) -> Member:
    member = Member(broker.source(group), positions or {})
    members.append(member)
    return member.start()


def messages(broker: Broker, count: int, keys: int = 16, label: str = "r") -> list[Message]:
    return [Message(broker.topic.name, f"k{n % keys}".encode(), f"{label}{n}".encode()) for n in range(count)]


def send(broker: Broker, sent: list[Message]) -> None:
    with closing(broker.sink()) as sink:
        sink.send(sent)


def by_partition(records: list[Record]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for record in records:
        found.setdefault(record.partition, []).append(record.offset)
    return found


def test_everything_sent_is_taken_once_in_offset_order(broker: Broker, members: list[Member]) -> None:
    sent = messages(broker, 200)
    send(broker, sent)
    taken = join(broker, members).take(200)
    assert Counter(r.value for r in taken) == Counter(m.value for m in sent)
    for offsets in by_partition(taken).values():
        assert offsets == list(range(len(offsets)))


def test_records_of_one_key_keep_their_order(broker: Broker, members: list[Member]) -> None:
    send(broker, messages(broker, 100, keys=3))
    taken = join(broker, members).take(100)
    for key in (b"k0", b"k1", b"k2"):
        numbers = [int(r.value[1:]) for r in taken if r.key == key]
        assert numbers == sorted(numbers)


def test_a_key_goes_to_the_partition_that_the_memory_log_would_choose(broker: Broker, members: list[Member]) -> None:
    sent = messages(broker, 40, keys=40)
    send(broker, sent)
    memory = MemoryLog(_Still(), [broker.topic])
    expected = {m.key: memory.append(m).partition for m in sent}
    assert {r.key: r.partition for r in join(broker, members).take(40)} == expected


class _Still:
    def now_ms(self) -> int:
        return 0

    def monotonic_s(self) -> float:
        return 0.0


def test_the_timestamp_is_the_logs_own(broker: Broker, members: list[Member]) -> None:
    before_ms = time.time_ns() // 1_000_000
    send(broker, messages(broker, 1))
    [record] = join(broker, members).take(1)
    assert before_ms - 1 <= record.timestamp_ms <= time.time_ns() // 1_000_000 + 1


def test_headers_and_a_missing_key_survive(broker: Broker) -> None:
    send(broker, [Message(broker.topic.name, None, b"v", (("code", b"x"), ("id", b"")))])
    [record] = list(broker.tail().read(broker.topic.name))
    assert (record.key, record.value, record.headers) == (None, b"v", (("code", b"x"), ("id", b"")))


def test_a_legal_check_in_of_five_mib_passes_and_a_larger_one_is_refused(broker: Broker) -> None:
    send(broker, [Message(broker.topic.name, b"k", bytes(5 * 1_048_576 - 512))])
    with pytest.raises(StreamError), closing(broker.sink()) as sink:
        sink.send([Message(broker.topic.name, b"k", bytes(5 * 1_048_576 + 512))])


def test_an_unknown_topic_is_refused_by_name(broker: Broker) -> None:
    with pytest.raises(StreamError, match="no-such-topic"), closing(broker.sink()) as sink:
        sink.send([Message("no-such-topic", b"k", b"v")])


def test_a_source_of_an_unknown_topic_cannot_start(broker: Broker) -> None:
    source = broker.source("g", "no-such-topic")
    with pytest.raises(SetupError, match="no-such-topic"):
        source.start(lambda: None, lambda _: {})


def test_the_next_member_goes_on_where_was_committed(broker: Broker, members: list[Member]) -> None:
    send(broker, messages(broker, 20))
    first = join(broker, members)
    taken = first.take(20)
    ends = {p: offsets[-1] + 1 for p, offsets in by_partition(taken).items()}
    first.source.commit(ends)
    first.source.close()
    send(broker, messages(broker, 8, label="later"))
    assert {r.value for r in join(broker, members).take(8)} == {f"later{n}".encode() for n in range(8)}
    assert {p: o for p, o in broker.committed("g").items() if o} == ends


def test_what_is_not_committed_comes_again(broker: Broker, members: list[Member]) -> None:
    send(broker, messages(broker, 20))
    first = join(broker, members)
    first.take(20)
    first.source.close()
    assert len(join(broker, members).take(20)) == 20


def test_the_ledgers_position_rules_where_it_is_ahead(broker: Broker, members: list[Member]) -> None:
    send(broker, messages(broker, 40))
    everything = by_partition(join(broker, members, "other").take(40))
    positions = {p: len(offsets) - 1 for p, offsets in everything.items()}
    taken = join(broker, members, positions=positions).take(len(positions))
    assert by_partition(taken) == {p: [at] for p, at in positions.items()}


def test_what_the_ledger_has_decided_is_committed_by_whoever_comes_next(broker: Broker, members: list[Member]) -> None:
    """Else lag would be seen where nothing waits: whoever died between ledger and commit says nothing any more."""
    send(broker, messages(broker, 40))
    everything = by_partition(join(broker, members, "other").take(40))
    ends = {p: len(offsets) for p, offsets in everything.items()}
    member = join(broker, members, positions=ends)
    send(broker, messages(broker, 8, label="later"))
    member.take(8)
    member.source.close()
    assert {p: o for p, o in broker.committed("g").items() if o} == ends


def test_a_ledger_from_a_backup_gets_again_what_was_committed_since(broker: Broker, members: list[Member]) -> None:
    """What is committed and not in the ledger was never decided, as far as anybody can prove."""
    send(broker, messages(broker, 40))
    first = join(broker, members)
    everything = by_partition(first.take(40))
    first.source.commit({p: len(offsets) for p, offsets in everything.items()})
    first.source.close()
    assert {p: o for p, o in broker.committed("g").items() if o} == {p: len(o) for p, o in everything.items()}
    backup = dict.fromkeys(everything, 1)
    taken = join(broker, members, positions=backup).take(40 - len(backup))
    assert by_partition(taken) == {p: offsets[1:] for p, offsets in everything.items()}


def test_seek_hands_out_again_from_there_and_forgets_what_waited(broker: Broker, members: list[Member]) -> None:
    send(broker, messages(broker, 40))
    member = join(broker, members)
    ends = {p: len(offsets) for p, offsets in by_partition(member.take(40)).items()}
    partition = max(ends, key=lambda p: ends[p])
    member.source.seek({partition: 1})
    again = member.take(ends[partition] - 1)
    assert by_partition(again) == {partition: list(range(1, ends[partition]))}


def test_a_second_member_takes_partitions_over_and_the_first_is_told(broker: Broker, members: list[Member]) -> None:
    first = join(broker, members)
    send(broker, messages(broker, 40))
    first.take(40)
    second = join(broker, members)
    until_s = time.monotonic() + PATIENCE_S
    while len(first.lost) < 2:
        assert time.monotonic() < until_s, "the first member was never told"
        first.bell.clear()
        first.pull()
        first.bell.wait(0.2)
    send(broker, messages(broker, 40, label="later"))
    kept = {p for p in range(4) if p not in first.lost}
    later: list[Record] = []
    until_s = time.monotonic() + PATIENCE_S
    while len({r.value for r in later if r.value.startswith(b"later")}) < 40:
        assert time.monotonic() < until_s, "a partition was left without an owner"
        got_first, got_second = first.pull(), second.pull()
        assert {r.partition for r in got_first} <= kept
        assert {r.partition for r in got_second} <= first.lost
        later += got_first + got_second
        if not got_first and not got_second:
            second.bell.wait(0.2)
            second.bell.clear()


def test_a_commit_for_a_partition_that_was_lost_is_not_made(broker: Broker, members: list[Member]) -> None:
    first = join(broker, members)
    send(broker, messages(broker, 40))
    ends = {p: len(offsets) for p, offsets in by_partition(first.take(40)).items()}
    second = join(broker, members)
    until_s = time.monotonic() + PATIENCE_S
    while len(first.lost) < 2 or {r.partition for r in second.taken} != first.lost & ends.keys():
        assert time.monotonic() < until_s, "the second member never read what the first had lost"
        if not first.pull() and not second.pull():
            second.bell.wait(0.2)
            second.bell.clear()
    kept = {p: o for p, o in ends.items() if p not in first.lost}
    until_s = time.monotonic() + PATIENCE_S
    # Best effort: a commit that meets a rebalance is dropped, and the next one says the same or more.
    while {p: o for p, o in broker.committed("g").items() if o} != kept:
        assert time.monotonic() < until_s, f"committed {broker.committed('g')}, wanted {kept}"
        first.source.commit(ends)
        first.bell.wait(0.1)


def test_records_that_are_gone_before_they_were_decided_stop_the_source(broker: Broker, members: list[Member]) -> None:
    send(broker, [Message(broker.topic.name, b"k0", str(n).encode()) for n in range(10)])
    partition = next(broker.tail().read(broker.topic.name)).partition
    broker.trim(partition, 5)
    member = join(broker, members, positions={partition: 3})
    until_s = time.monotonic() + PATIENCE_S
    with pytest.raises(OffsetLost, match="3"):
        while time.monotonic() < until_s:
            member.pull()
            member.bell.wait(0.2)
            member.bell.clear()


def test_a_position_beyond_the_end_of_the_log_stops_the_source(broker: Broker, members: list[Member]) -> None:
    send(broker, [Message(broker.topic.name, b"k0", b"v")])
    partition = next(broker.tail().read(broker.topic.name)).partition
    member = join(broker, members, positions={partition: 99})
    until_s = time.monotonic() + PATIENCE_S
    with pytest.raises(OffsetLost, match="99"):
        while time.monotonic() < until_s:
            member.pull()
            member.bell.wait(0.2)
            member.bell.clear()


def test_nothing_to_take_is_an_empty_list(broker: Broker, members: list[Member]) -> None:
    assert join(broker, members).pull() == []


def test_pause_and_resume_lose_nothing(broker: Broker, members: list[Member]) -> None:
    member = join(broker, members)
    send(broker, messages(broker, 5))
    member.take(5)
    member.source.pause()
    send(broker, messages(broker, 30, label="later"))
    member.source.resume()
    assert len(member.take(30)) == 30


def test_close_can_be_called_twice_and_before_start(broker: Broker) -> None:
    source, sink = broker.source("g"), broker.sink()
    source.close()
    source.close()
    sink.close()
    sink.close()


def test_reading_an_unknown_topic_is_refused(broker: Broker) -> None:
    with pytest.raises(StreamError, match="no-such-topic"):
        list(broker.tail().read("no-such-topic"))


def test_following_sees_what_comes_after_it_was_ready(broker: Broker) -> None:
    send(broker, messages(broker, 3, label="before"))
    seen: list[Record] = []
    ready, enough = threading.Event(), threading.Event()

    def watch() -> None:
        for record in broker.tail().follow(broker.topic.name, enough.is_set, ready=ready.set):
            seen.append(record)
            if len(seen) == 5:
                enough.set()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    assert ready.wait(PATIENCE_S)
    send(broker, messages(broker, 5, label="after"))
    watcher.join(PATIENCE_S)
    assert {r.value for r in seen} == {f"after{n}".encode() for n in range(5)}


def test_a_member_says_that_it_belongs_to_the_group_and_what_it_reads(broker: Broker, members: list[Member]) -> None:
    send(broker, messages(broker, 64))
    source = broker.source("watched")
    assert source.membership() == Membership(False, frozenset())
    source.close()
    member = join(broker, members, "watched")
    member.take(64)
    partitions = frozenset(range(broker.topic.partitions))
    assert member.source.membership() == Membership(True, partitions)
    other = join(broker, members, "watched")

    def shared() -> bool:
        for one in (member, other):
            one.pull()
        held = [one.source.membership() for one in (member, other)]
        return (
            all(one.joined and one.partitions for one in held) and held[0].partitions | held[1].partitions == partitions
        )

    until(shared, other.bell)
    assert not member.source.membership().partitions & other.source.membership().partitions


def until(condition: Callable[[], bool], bell: threading.Event) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < until_s
        bell.wait(0.05)
