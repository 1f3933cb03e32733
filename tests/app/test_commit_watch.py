"""The watch at the commit: silent beside a right pipeline, loud at the first commit that is too early."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import pytest

from hadir.app.commit_watch import CommitWatch
from hadir.attendance.ledger_batch import Advance, LedgerBatch
from hadir.attendance.ledger_row import LedgerRow
from hadir.core.errors import LedgerUnavailable
from hadir.core.message import Message
from hadir.pipeline.memory import MemorySource
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import CHECK_INS
from tests.pipeline.world import World, a_check_in, check_in_message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.ledger.close()


class Moody:
    """A ledger that answers only when it likes."""

    def __init__(self, world: World) -> None:
        self._ledger, self.answers = world.ledger, True

    def positions(self, topic: str) -> dict[int, int]:
        self._mind()
        return self._ledger.positions(topic)

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]:
        self._mind()
        return self._ledger.known(ids)

    def _mind(self) -> None:
        if not self.answers:
            raise LedgerUnavailable("not now")


class Watched:
    """A watch around one member of the group, and what it said."""

    def __init__(self, world: World) -> None:
        self.said: list[str] = []
        self.ledger = Moody(world)
        self.watch = CommitWatch(MemorySource(world.log, CHECK_INS), self.ledger, CHECK_INS, self.said.append)

    def take(self) -> list[Record]:
        self.watch.start(lambda: None, no_positions)
        return self.watch.take(100)


def no_positions(_: Collection[int]) -> Mapping[int, int]:
    return {}


def behind(records: list[Record]) -> dict[int, int]:
    return {record.partition: record.offset + 1 for record in records}


def test_a_right_pipeline_is_passed_on_in_silence(world: World) -> None:
    check_ins = [a_check_in(f"p-{number}", (photo,)) for number, photo in enumerate([b"good", b"bad", b"crash"] * 4)]
    world.send(*map(check_in_message, [*check_ins, check_ins[0]]), Message(CHECK_INS, b"p-1", b"?"))
    watched = Watched(world)
    world.intake(source=watched.watch).run_until_idle()
    assert watched.said == []
    ends = {p: end for p in world.log.partitions(CHECK_INS) if (end := world.log.end(CHECK_INS, p))}
    assert watched.watch.commits >= len(ends)
    assert world.log.committed(CHECK_INS, "hadir") == ends


def test_a_commit_of_what_was_only_taken_is_reported_with_its_id_and_passed_on(world: World) -> None:
    check_in = a_check_in()
    world.send(check_in_message(check_in))
    watched = Watched(world)
    taken = watched.take()
    watched.watch.commit(behind(taken))
    partition = taken[0].partition
    assert watched.said == [
        f"partition {partition}: committed 1, the ledger stands at 0",
        f"{check_in.id} at {partition}/0 was undecided, 1 committed",
    ]
    assert world.log.committed(CHECK_INS, "hadir") == {partition: 1}


def test_a_commit_beyond_a_hole_is_reported_where_the_position_is_beyond_it_too(world: World) -> None:
    hole = a_check_in("p-1")
    world.send(check_in_message(hole))
    watched = Watched(world)
    at = watched.take()[0].partition
    world.ledger.write(LedgerBatch(CHECK_INS, (), (), (), (Advance(at, None, 1),)))
    watched.watch.commit({at: 1})
    assert watched.said == [f"{hole.id} at {at}/0 was undecided, 1 committed"]


def test_what_is_read_again_or_was_lost_is_not_held_against_anybody(world: World) -> None:
    world.send(*[check_in_message(a_check_in("p-1")) for _ in range(2)])
    watched = Watched(world)
    at = watched.take()[0].partition
    world.ledger.write(LedgerBatch(CHECK_INS, (), (), (), (Advance(at, None, 2),)))
    watched.watch.seek({at: 0})
    watched.watch.commit({at: 2})
    assert watched.said == []


def test_a_commit_waits_for_a_ledger_that_does_not_answer(world: World) -> None:
    world.send(check_in_message(a_check_in()))
    watched = Watched(world)
    taken = watched.take()
    watched.ledger.answers = False
    watched.watch.commit(behind(taken))
    assert world.log.committed(CHECK_INS, "hadir") == {}
    watched.ledger.answers = True
    watched.watch.take(1)
    assert world.log.committed(CHECK_INS, "hadir") == behind(taken)
    assert len(watched.said) == 2, "what was handed out before the outage is checked after it"
