"""A position moves by hand only with a record of who, when and why, and never under somebody's feet."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import Advance, LedgerBatch
from hadir.attendance.ledger_moves import MoveKind, PositionMove, move_position, position_moves
from hadir.attendance.ledger_tables import security_events_t
from hadir.core.errors import InputError, PositionConflict

LOST = PositionMove(MoveKind.RECORDS_LOST, "t", 3, 100, 140, "siti", "down for three days", 5)


def at(ledger: Ledger, offset: int) -> None:
    ledger.write(LedgerBatch("t", (), (), (), (Advance(3, None, offset),)))


def events(ledger: Ledger) -> list[tuple[str, str]]:
    with ledger.snapshot() as connection:
        stored = connection.execute(select(security_events_t.c.code, security_events_t.c.check_in_id))
        return [(code, place) for code, place in stored]


def test_a_move_its_record_and_its_security_event_are_one(ledger: Ledger, ledger_url: str) -> None:
    at(ledger, 100)
    move_position(ledger_url, LOST, 100)
    assert ledger.positions("t") == {3: 140}
    assert position_moves(ledger) == [LOST]
    assert events(ledger) == [("records_lost", "t/3@100-139")]


def test_a_position_that_the_ledger_never_had_is_begun(ledger: Ledger, ledger_url: str) -> None:
    move_position(ledger_url, LOST, None)
    assert ledger.positions("t") == {3: 140}


def test_a_partition_is_read_again_from_further_back(ledger: Ledger, ledger_url: str) -> None:
    at(ledger, 100)
    back = replace(LOST, kind=MoveKind.READ_AGAIN, from_offset=100, to_offset=90)
    move_position(ledger_url, back, 100)
    assert ledger.positions("t") == {3: 90}
    assert events(ledger) == [("read_again", "t/3@90-99")]


@pytest.mark.parametrize("believed", [99, None])
def test_where_somebody_has_moved_on_nothing_is_moved_and_nothing_is_noted(
    ledger: Ledger, ledger_url: str, believed: int | None
) -> None:
    at(ledger, 100)
    with pytest.raises(PositionConflict, match="somebody moved it"):
        move_position(ledger_url, LOST, believed)
    assert ledger.positions("t") == {3: 100}
    assert (position_moves(ledger), events(ledger)) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [replace(LOST, to_offset=100), replace(LOST, to_offset=90), replace(LOST, kind=MoveKind.READ_AGAIN)],
    ids=["nowhere", "back", "forward"],
)
def test_a_direction_that_is_not_the_kinds_is_refused(ledger: Ledger, ledger_url: str, wrong: PositionMove) -> None:
    at(ledger, 100)
    with pytest.raises(InputError, match="is no move of kind"):
        move_position(ledger_url, wrong, 100)


def test_a_move_without_a_reason_is_refused(ledger: Ledger, ledger_url: str) -> None:
    at(ledger, 100)
    with pytest.raises(InputError, match="a reason is missing"):
        move_position(ledger_url, replace(LOST, reason="  "), 100)
    assert ledger.positions("t") == {3: 100}
