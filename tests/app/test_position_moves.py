"""After a loss, on purpose: nothing that the log still holds is passed over, and what was missing is decided."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hadir.app.position_moves import Operator, Positions
from hadir.attendance.ledger_moves import position_moves
from hadir.core.clock import ManualClock
from hadir.core.errors import InputError, OffsetLost
from hadir.pipeline.memory import MemoryLog
from hadir.pipeline.memory_reader import MemoryReader
from hadir.pipeline.reconcile import Reconciled
from hadir.pipeline.reconciler import Reconciler
from hadir.pipeline.topics import CHECK_INS
from tests.app.command_line import hadir
from tests.pipeline.world import START_MS, World, a_check_in, check_in_message

WHY = Operator("siti", "the machine was down for three days")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


def positions(world: World, folder: Path) -> Positions:
    url = f"sqlite:///{folder / 'ledger.db'}"
    return Positions(url, MemoryReader(world.log), CHECK_INS, "hadir", world.clock)


def reconciled(world: World) -> Reconciled:
    one = Reconciler(MemoryReader(world.log), world.ledger, CHECK_INS, "hadir", lambda *_: "u")
    return one.between(START_MS, START_MS + 86_400_000)


def send(world: World, count: int) -> list[str]:
    """All to one partition."""
    sent = [a_check_in("p-1") for _ in range(count)]
    world.send(*map(check_in_message, sent))
    return [one.id for one in sent]


def test_only_what_the_log_has_lost_is_skipped_and_the_rest_is_decided(world: World, tmp_path: Path) -> None:
    send(world, 2)
    world.intake().run_until_idle()
    kept = send(world, 5)[3:]
    [(partition, at)] = world.ledger.positions(CHECK_INS).items()
    world.log.trim(CHECK_INS, partition, at + 3)
    with pytest.raises(OffsetLost, match=f"3 records are gone .*skip-lost --partition {partition}"):
        world.intake().run_until_idle()
    move = positions(world, tmp_path).skip_lost(partition, WHY)
    assert (move.from_offset, move.to_offset) == (at, at + 3)
    world.intake().run_until_idle()
    assert all(world.ledger.row(identity) is not None for identity in kept)
    assert [(one.actor, one.reason) for one in position_moves(world.ledger)] == [(WHY.account, WHY.reason)]
    assert reconciled(world).holds


def test_where_nothing_is_lost_nothing_is_skipped(world: World, tmp_path: Path) -> None:
    send(world, 2)
    world.intake().run_until_idle()
    send(world, 1)
    [(partition, at)] = world.ledger.positions(CHECK_INS).items()
    with pytest.raises(InputError, match="nothing is lost"):
        positions(world, tmp_path).skip_lost(partition, WHY)
    assert world.ledger.positions(CHECK_INS) == {partition: at}


def test_what_reconcile_calls_missing_is_decided_by_its_first_reception_when_read_again(
    world: World, tmp_path: Path
) -> None:
    send(world, 2)
    world.intake().run_until_idle()
    [(partition, at)] = world.ledger.positions(CHECK_INS).items()
    [lost] = send(world, 1)
    world.log.commit(CHECK_INS, "hadir", {partition: at + 1})
    [fault] = reconciled(world).faults
    assert (fault.id, fault.partition, fault.offset) == (lost, partition, at)
    assert isinstance(world.clock, ManualClock)
    world.clock.advance(3600)
    # As after a commit of what was only polled: without a position of the ledger the next start goes on behind it.
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("DELETE FROM positions")
    positions(world, tmp_path).read_again(partition, fault.offset, WHY)
    world.intake().run_until_idle()
    row = world.ledger.row(lost)
    assert row is not None
    assert row.received_at_ms == START_MS
    assert reconciled(world).holds
    assert world.ledger.counts().rows == 3


@pytest.mark.parametrize("offset", [2, 7])
def test_reading_again_never_goes_forward(world: World, tmp_path: Path, offset: int) -> None:
    send(world, 2)
    world.intake().run_until_idle()
    [partition] = world.ledger.positions(CHECK_INS)
    with pytest.raises(InputError, match="cannot be read again"):
        positions(world, tmp_path).read_again(partition, offset, WHY)


def test_a_topic_made_anew_is_read_from_its_beginning(world: World, tmp_path: Path) -> None:
    """The ledger is ahead of the log: its own position would skip everything that comes."""
    send(world, 4)
    world.intake().run_until_idle()
    anew = copy.copy(world)
    anew.log = MemoryLog(world.clock)
    [fresh] = send(anew, 1)
    with pytest.raises(OffsetLost, match=r"made anew.*read-again"):
        anew.intake().run_until_idle()
    [partition] = world.ledger.positions(CHECK_INS)
    positions(anew, tmp_path).read_again(partition, 0, WHY)
    anew.intake().run_until_idle()
    assert world.ledger.row(fresh) is not None
    assert world.ledger.counts().rows == 5


def test_both_commands_ask_for_a_reason() -> None:
    for arguments in (("skip-lost", "--partition", 1), ("read-again", "--partition", 1, "--offset", 0)):
        said = hadir("ledger", *arguments)
        assert said.code == 2
        assert "--reason" in said.problem()
