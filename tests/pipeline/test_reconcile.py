"""Received against decided: every record shows its row, its letter or what it repeats; what cannot is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hadir.attendance.ledger_append import chain_of
from hadir.attendance.ledger_places import DecidedRow
from hadir.core.clock import ManualClock
from hadir.core.message import Message
from hadir.pipeline.codec import decode
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.memory import MemorySink
from hadir.pipeline.memory_reader import MemoryReader
from hadir.pipeline.outbox import Relay
from hadir.pipeline.ports import Record
from hadir.pipeline.reconcile import FaultKind, HourCounts, Reconciled, Reconciliation
from hadir.pipeline.reconciler import Reconciler
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.world import START_MS, World, a_check_in, check_in_message

HOUR_MS = 3_600_000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


def reconciler(world: World) -> Reconciler:
    return Reconciler(MemoryReader(world.log), world.ledger, CHECK_INS, "hadir", lambda person, _: person or "-")


def reconciled(world: World, since_ms: int = START_MS, until_ms: int = START_MS + 24 * HOUR_MS) -> Reconciled:
    return reconciler(world).between(since_ms, until_ms)


def decide(world: World, *messages: Message) -> None:
    world.send(*messages)
    world.intake().run_until_idle()


def publish(world: World) -> None:
    Relay(world.ledger, MemorySink(world.log), world.clock).drain()


def database(world: World) -> sqlite3.Connection:
    return sqlite3.connect(str(world.ledger._database._engine.url.database))


def change(world: World, statement: str, *values: object) -> None:
    """Do to the ledger what Hadir never does."""
    with closing(database(world)) as connection, connection:
        connection.execute("PRAGMA foreign_keys=OFF")
        connection.execute(statement, values)


def kinds(found: Reconciled) -> list[FaultKind]:
    return [fault.kind for fault in found.faults]


def test_a_morning_without_faults_agrees(world: World) -> None:
    message = check_in_message(a_check_in("p-1"))
    decide(
        world,
        message,
        message,
        *(check_in_message(a_check_in(f"p-{n}")) for n in range(2, 30)),
        check_in_message(a_check_in("p-30", (b"crash",))),
        Message(CHECK_INS, b"p-1", b"not a check-in"),
    )
    found = reconciled(world)
    assert found.holds
    assert found.total == HourCounts(records=32, decided=30, duplicates=1, dead_letters=1)
    assert found.total.received == 30


def test_a_conflicting_record_counts_as_set_aside_before_and_after_its_letter_is_published(world: World) -> None:
    first = a_check_in()
    decide(world, check_in_message(first), check_in_message(a_check_in(photos=(b"other",), identity=first.id)))
    before = reconciled(world)
    publish(world)
    after = reconciled(world)
    assert before.holds
    assert after.total == before.total == HourCounts(records=2, decided=1, dead_letters=1)


def test_counts_are_by_hour_of_reception_and_unit(world: World) -> None:
    decide(world, check_in_message(a_check_in("p-1")), check_in_message(a_check_in("p-2")))
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(3600)
    decide(world, check_in_message(a_check_in("p-1")))
    first = START_MS - START_MS % HOUR_MS
    hours = reconciled(world).hours
    assert {place: counts.decided for place, counts in hours.items()} == {
        (first, "p-1"): 1,
        (first, "p-2"): 1,
        (first + HOUR_MS, "p-1"): 1,
    }


def test_what_the_ledger_has_not_reached_is_not_missing(world: World) -> None:
    decide(world, check_in_message(a_check_in("p-1")))
    world.send(check_in_message(a_check_in("p-1")))
    found = reconciled(world)
    assert found.holds
    assert (found.total.decided, found.total.undecided, found.oldest_undecided_ms) == (1, 1, START_MS)


def test_a_commit_ahead_of_the_ledger_is_found_where_lag_is_zero(world: World) -> None:
    """What automatic commits do: everything that was polled is committed, and then the process dies."""
    lost = a_check_in("p-1")
    decide(world, check_in_message(a_check_in("p-1")))
    world.send(check_in_message(lost))
    ends = {p: world.log.end(CHECK_INS, p) for p in world.log.partitions(CHECK_INS)}
    world.log.commit(CHECK_INS, "hadir", ends)
    assert world.log.committed(CHECK_INS, "hadir") == ends, "lag is 0"
    found = reconciled(world)
    [fault] = found.faults
    assert (fault.kind, fault.id, fault.received_at_ms) == (FaultKind.MISSING, lost.id, START_MS)
    assert found.total.received == 2


def test_a_position_moved_past_a_record_is_found_and_verification_alone_cannot(world: World) -> None:
    """Without the ledger's position the next start trusts the committed offset, and the gap closes over the loss."""
    lost = a_check_in("p-1")
    decide(world, check_in_message(a_check_in("p-1")))
    world.send(check_in_message(lost))
    [(partition, at)] = world.ledger.positions(CHECK_INS).items()
    world.log.commit(CHECK_INS, "hadir", {partition: at + 1})
    change(world, "DELETE FROM positions")
    decide(world, check_in_message(a_check_in("p-1")))
    assert world.log.committed(CHECK_INS, "hadir") == world.ledger.positions(CHECK_INS)
    assert [(fault.kind, fault.id) for fault in reconciled(world).faults] == [(FaultKind.MISSING, lost.id)]


def test_a_row_that_was_deleted_is_missing(world: World) -> None:
    sent = [a_check_in(f"p-{n}") for n in range(5)]
    decide(world, *map(check_in_message, sent))
    change(world, "DELETE FROM ledger WHERE check_in_id = ?", sent[2].id)
    found = reconciled(world)
    assert [(fault.kind, fault.id) for fault in found.faults] == [(FaultKind.MISSING, sent[2].id)]
    assert found.total.received == 5


def test_a_missing_check_in_that_was_sent_twice_is_missing_once(world: World) -> None:
    message = check_in_message(a_check_in())
    decide(world, message, message)
    change(world, "DELETE FROM ledger")
    found = reconciled(world)
    assert (found.total.missing, found.total.duplicates, found.total.received) == (1, 1, 1)


def test_a_record_passed_over_whose_repetition_was_decided_later_is_told(world: World) -> None:
    message = check_in_message(a_check_in())
    decide(world, message)
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(600)
    decide(world, message)
    change(world, "UPDATE ledger SET source_offset = 1, received_at_ms = received_at_ms + 600000")
    assert kinds(reconciled(world)) == [FaultKind.PASSED_OVER]


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ("UPDATE ledger SET received_at_ms = received_at_ms + 60000", "time of reception"),
        ("UPDATE ledger SET person = 'p-9'", "person"),
        ("UPDATE evidence SET body = json_set(body, '$.content_sha256', 'f00')", "content"),
    ],
)
def test_a_row_that_is_not_its_records_is_named_with_what_differs(world: World, statement: str, what: str) -> None:
    check_in = a_check_in()
    decide(world, check_in_message(check_in))
    change(world, statement)
    [fault] = reconciled(world).faults
    assert (fault.kind, fault.id, fault.what) == (FaultKind.DIFFERS, check_in.id, what)


def test_after_an_erasure_the_content_is_not_compared(world: World) -> None:
    check_in = a_check_in()
    decide(world, check_in_message(check_in))
    world.ledger.erase_evidence([check_in.id], START_MS)
    assert reconciled(world).holds


def test_a_row_without_a_record_is_told(world: World) -> None:
    decide(world, check_in_message(a_check_in()))
    change(world, "UPDATE ledger SET check_in_id = '00000000-0000-4000-8000-000000000000'")
    assert sorted(kinds(reconciled(world))) == [FaultKind.MISSING, FaultKind.UNFOUNDED]


def test_a_dead_letter_that_never_was_makes_its_record_missing(world: World) -> None:
    decide(world, Message(CHECK_INS, b"p-1", b"not a check-in"))
    change(world, "DELETE FROM outbox")
    [fault] = reconciled(world).faults
    assert (fault.kind, fault.id, fault.what) == (
        FaultKind.MISSING,
        None,
        "not decodable, and not among the dead letters",
    )


def test_a_conflict_without_its_letter_is_missing_and_no_repetition(world: World) -> None:
    first = a_check_in()
    decide(world, check_in_message(first), check_in_message(a_check_in(photos=(b"other",), identity=first.id)))
    change(world, "DELETE FROM outbox")
    [fault] = reconciled(world).faults
    assert (fault.kind, fault.id) == (FaultKind.MISSING, first.id)
    assert fault.what == "other content than its row, and not among the dead letters"


def test_rows_whose_record_has_left_the_log_are_said_apart(world: World) -> None:
    decide(world, *(check_in_message(a_check_in("p-1")) for _ in range(5)))
    [(partition, end)] = world.ledger.positions(CHECK_INS).items()
    world.log.trim(CHECK_INS, partition, end - 2)
    found = reconciled(world)
    assert found.holds
    assert (found.total.records, found.total.decided, found.total.gone) == (2, 2, 3)


def test_records_that_left_the_log_undecided_are_told_with_their_offsets(world: World) -> None:
    decide(world, check_in_message(a_check_in("p-1")))
    world.send(*(check_in_message(a_check_in("p-1")) for _ in range(4)))
    [(partition, at)] = world.ledger.positions(CHECK_INS).items()
    world.log.trim(CHECK_INS, partition, at + 3)
    [fault] = reconciled(world).faults
    assert (fault.kind, fault.partition, fault.offset, fault.what) == (
        FaultKind.GONE_UNDECIDED,
        partition,
        at,
        f"offsets {at} to {at + 2}",
    )


def test_only_what_was_received_in_the_time_asked_for_is_looked_at(world: World) -> None:
    decide(world, check_in_message(a_check_in("p-1")))
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(7200)
    decide(world, check_in_message(a_check_in("p-1")))
    assert reconciled(world, START_MS + HOUR_MS).total.records == 1
    assert reconciled(world, START_MS, START_MS + HOUR_MS).total.records == 1


def test_onward_looks_at_every_record_once(world: World) -> None:
    one = reconciler(world)
    decide(world, *(check_in_message(a_check_in(f"p-{n}")) for n in range(10)))
    first, checked = one.onward({})
    world.send(check_in_message(a_check_in("p-1")))
    waiting, still = one.onward(checked)
    world.intake().run_until_idle()
    second, _ = one.onward(still)
    assert [found.total.records for found in (first, waiting, second)] == [10, 0, 1]
    assert first.holds
    assert second.holds


def test_a_fault_stands_until_its_record_is_decided(world: World) -> None:
    one, lost = reconciler(world), a_check_in("p-1")
    world.send(check_in_message(lost))
    [(partition, end)] = {p: e for p in world.log.partitions(CHECK_INS) if (e := world.log.end(CHECK_INS, p))}.items()
    world.log.commit(CHECK_INS, "hadir", {partition: end})
    found, _ = one.onward({})
    assert one.again(found.faults) == found.faults
    world.log.commit(CHECK_INS, "hadir", {partition: 0})
    world.intake().run_until_idle()
    assert one.again(found.faults) == ()


def test_a_fault_whose_record_has_left_the_log_stands_for_ever(world: World) -> None:
    one, lost = reconciler(world), a_check_in("p-1")
    world.send(check_in_message(lost))
    [(partition, end)] = {p: e for p in world.log.partitions(CHECK_INS) if (e := world.log.end(CHECK_INS, p))}.items()
    world.log.commit(CHECK_INS, "hadir", {partition: end})
    found, _ = one.onward({})
    world.log.trim(CHECK_INS, partition, end)
    assert one.again(found.faults) == found.faults


PLACES = st.lists(st.sampled_from(["decided", "repeated", "letter", "lost", "late"]), max_size=30)


@given(PLACES)
def test_every_record_is_counted_in_exactly_one_way(fates: list[str]) -> None:
    records, rows, letters, first = [], {}, set(), None
    reached = sum(fate != "late" for fate in fates)
    for offset, fate in enumerate(sorted(fates, key=lambda fate: fate == "late")):
        check_in = first if fate == "repeated" and first is not None else a_check_in()
        record = Record(0, offset, START_MS, b"p-1", check_in_message(check_in).value)
        records.append(record)
        if fate == "decided" or (fate == "repeated" and first is None):
            first = check_in
            content = decode(record).content_sha256
            rows[check_in.id] = [
                DecidedRow(check_in.id, chain_of(CHECK_INS, 0), offset, "p-1", START_MS, content),
            ]
        elif fate == "letter":
            letters.add((0, offset))
    whole = Stretch(0, 0, len(records))
    found = Reconciliation(CHECK_INS, [whole], {0: whole}, {0: reached}, letters, lambda *_: "u")
    found.take(records, lambda ids: {one: rows[one] for one in ids if one in rows})
    for of_id in rows.values():
        found.take_row(of_id[0])
    total = found.result().total
    assert total.records == len(fates)
    assert total.records == total.received + total.duplicates + total.dead_letters + total.passed_over
    assert (total.missing, total.undecided) == (fates.count("lost"), fates.count("late"))
    assert found.result().holds == ("lost" not in fates)


def test_two_rows_of_one_check_in_are_doubled() -> None:
    record = Record(0, 0, START_MS, b"p-1", check_in_message(a_check_in()).value)
    received = decode(record)
    row = DecidedRow(received.id, chain_of(CHECK_INS, 0), 0, "p-1", START_MS, received.content_sha256)
    other = DecidedRow(received.id, chain_of("another", 0), 0, "p-1", START_MS, received.content_sha256)
    whole = Stretch(0, 0, 1)
    found = Reconciliation(CHECK_INS, [whole], {0: whole}, {0: 1}, (), lambda *_: "u")
    found.take([record], lambda _: {received.id: [row, other]})
    assert kinds(found.result()) == [FaultKind.DOUBLED]


def test_a_row_beyond_the_end_of_the_log_has_no_record_there_unless_it_was_decided_since() -> None:
    anew = Stretch(0, 0, 0)
    found = Reconciliation(CHECK_INS, [anew], {0: anew}, {0: 5}, (), lambda *_: "u")
    for offset in (4, 5):
        found.take_row(DecidedRow(a_check_in().id, chain_of(CHECK_INS, 0), offset, "p-1", START_MS, None))
    assert kinds(found.result()) == [FaultKind.UNFOUNDED]
    assert "the log ends at 0" in found.result().faults[0].what
