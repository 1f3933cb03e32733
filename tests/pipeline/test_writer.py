"""When the ledger says no: what is read again, and from where."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest
import structlog

from hadir.attendance.ledger_batch import LedgerBatch
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.clock import ManualClock
from hadir.core.errors import LedgerUnavailable, PositionConflict
from hadir.core.message import Message
from hadir.pipeline.memory import MemoryLog, MemorySource
from hadir.pipeline.ports import VerdictLedger
from hadir.pipeline.run import Intake
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.test_run import Failing
from tests.pipeline.world import World, a_check_in, check_in_message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(40)))
    yield world
    world.ledger.close()


class Conflicting(Failing):
    """Another writer has the chain at the first write, though no position has moved; writes are noted."""

    def __init__(self, ledger: VerdictLedger) -> None:
        super().__init__(ledger)
        self.conflicts = 1
        self.tried: list[LedgerBatch] = []

    def write(self, batch: LedgerBatch) -> None:
        self.tried.append(batch)
        if self.conflicts:
            self.conflicts -= 1
            raise PositionConflict("the chain has moved")
        super().write(batch)


class Sought(MemorySource):
    """Remembers what it was asked to hand out again."""

    def __init__(self, world: World) -> None:
        super().__init__(world.log, CHECK_INS)
        self.sought: list[dict[int, int]] = []

    def seek(self, offsets: Mapping[int, int]) -> None:
        self.sought.append(dict(offsets))
        super().seek(offsets)


def test_a_conflict_in_which_no_position_moved_reads_everything_in_hand_again(world: World) -> None:
    ledger, source = Conflicting(world.ledger), Sought(world)
    intake = world.intake(ledger=ledger, source=source)
    intake.start()
    world.decide(intake, 40)
    tried = {advance.partition for advance in ledger.tried[0].advances}
    assert tried <= source.sought[0].keys(), "what was taken and not written is read again"
    assert set(source.sought[0].values()) == {0}, "from where the ledger stands"


def test_only_the_partition_that_another_has_moved_is_read_again(world: World) -> None:
    source = Sought(world)
    ledger = Failing(world.ledger, before=1)
    intake = world.intake(ledger=ledger, source=source)
    intake.start()
    while not world.seen.retries:
        intake.step()
    [moved, *others] = sorted({p for p in world.log.partitions(CHECK_INS) if world.log.end(CHECK_INS, p)})
    assert others
    end = world.log.end(CHECK_INS, moved)
    other = world.intake(source=OnlyPartition(world, moved))
    other.start()
    while world.ledger.positions(CHECK_INS).get(moved) != end:
        other.step()
    world.decide(intake, 40)
    assert source.sought == [{moved: end}]


class OnlyPartition(MemorySource):
    """Another process that believes one partition to be its own."""

    def __init__(self, world: World, partition: int) -> None:
        super().__init__(world.log, CHECK_INS, "another group")
        self._only = partition

    def assign(self, partitions: frozenset[int]) -> None:
        super().assign(partitions & {self._only})


def test_after_a_failure_nothing_more_is_taken_until_a_write_has_worked(world: World) -> None:
    intake = world.intake(ledger=Failing(world.ledger, before=1))
    intake.start()
    while not world.seen.retries:
        intake.step()
    taken = world.seen.received
    for _ in range(5):
        intake.step()
    assert world.seen.received == taken
    world.decide(intake, 40)


class Unreadable(Failing):
    """Cannot say what it knows."""

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]:
        del ids
        raise LedgerUnavailable("down")


def test_a_ledger_that_cannot_be_read_is_not_written_to(world: World) -> None:
    intake = world.intake(ledger=Unreadable(world.ledger))
    intake.start()
    while not world.seen.retries:
        intake.step()
    assert world.log.committed(CHECK_INS, "hadir") == {}
    assert world.ledger.positions(CHECK_INS) == {}
    intake._source.close()
    intake._pool.close()


def test_a_failed_write_has_moved_nothing(world: World) -> None:
    clock = world.clock
    assert isinstance(clock, ManualClock)
    world.log = MemoryLog(clock)
    world.send(Message(CHECK_INS, b"p-1", b"?"))
    intake = world.intake(ledger=Failing(world.ledger, before=2))
    intake.start()
    assert intake.step(), "a record was taken"
    clock.advance(10)
    assert not intake.step(), "and could not be written"
    clock.advance(10)
    assert intake.step()
    intake.stop()
    intake.run()


def test_a_partition_that_comes_back_stands_where_another_has_left_it(world: World) -> None:
    """What was believed of it before would only be refused by the ledger, and read again."""
    first, second = world.intake(), world.intake()
    first.start()
    drive_until(world, first, 40)
    second.start()
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(40)))
    drive_until(world, second, world.ledger.counts().rows + 1)
    while second.step():
        pass
    second.stop()
    second.run()
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(40)))
    drive_until(world, first, 120)
    first.stop()
    first.run()
    assert world.seen.retries == []


def drive_until(world: World, intake: Intake, rows: int) -> None:
    for _ in range(100_000):
        if world.ledger.counts().rows >= rows:
            break
        intake.step()
    assert world.ledger.counts().rows >= rows


def test_a_security_event_is_a_log_line_with_code_and_id_alone(world: World) -> None:
    once = a_check_in("p-99")
    world.send(check_in_message(once), check_in_message(a_check_in("p-99", (b"other",), once.id)))
    with structlog.testing.capture_logs() as lines:
        world.intake().run_until_idle()
    [line] = [line for line in lines if line["event"] == "security_event"]
    assert line == {"event": "security_event", "log_level": "warning", "code": "id_conflict", "check_in": once.id}


def test_a_dead_letter_is_a_log_line_with_its_code_its_place_and_the_id_if_there_is_one(world: World) -> None:
    crash = a_check_in("p-98", (b"crash",))
    world.send(Message(CHECK_INS, b"p-99", b"?"), check_in_message(crash))
    with structlog.testing.capture_logs() as lines:
        world.intake().run_until_idle()
    letters = {line["code"]: line for line in lines if line["event"] == "dead_letter"}
    assert letters.keys() == {"undecodable", "processing_failed"}
    assert letters["undecodable"]["check_in"] is None
    assert letters["processing_failed"]["check_in"] == crash.id
    for line in letters.values():
        assert line.keys() == {"event", "log_level", "code", "check_in", "record"}
        partition, offset = map(int, line["record"].split("@"))
        (record,) = world.log.fetch(CHECK_INS, partition, offset, 1)
        assert record.key == (b"p-98" if line["check_in"] else b"p-99")
