"""Whoever changes the database beside Hadir is found: by chain, row and field."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_heads import Head
from hadir.attendance.ledger_tables import evidence_t, ledger_t
from hadir.attendance.ledger_verify import MOST_PROBLEMS, Problem, verify
from hadir.core.verdict import Outcome, Reason
from tests.attendance.ledger_examples import TOPIC, batch_of, example_id, example_row, tamper

CHAIN = f"{TOPIC}/0"

CHANGES = {
    "chain_format": "2",
    "check_in_id": "'00000000-0000-4000-8000-999999999999'",
    "revision": "5",
    "person": "'person-z'",
    "direction": "'out'",
    "channel": "NULL",
    "outcome": "'rejected'",
    "reasons": """'["ok"]'""",
    "is_case": "1",
    "minutes": "NULL",
    "shift": "'dinas/2026-11-23/malam'",
    "captured_at_ms": "captured_at_ms + 1",
    "received_at_ms": "received_at_ms - 3600000",
    "decided_at_ms": "0",
    "source_partition": "1",
    "source_offset": "1000",
    "snapshot": "'snapshot-2'",
    "embedding_space": "''",
    "policy": "'policy-2'",
    "actor": "'reviewer-3'",
    "evidence_sha256": "lower(policy)",
    "evidence_digests": "'{}'",
    "field_digests": "reasons",
    "prev_hash": "hash",
    "hash": "prev_hash",
}
"""A lie for every column; `chain` and `seq`, which move the row, have tests of their own."""


def _filled(ledger: Ledger) -> list[Head]:
    ledger.write(batch_of([example_row(n, 0, n) for n in range(6)] + [example_row(10 + n, 1, n) for n in range(3)]))
    ledger.append_human(
        example_id(2), 0, outcome=Outcome.REVIEW, reasons=(Reason.CLOCK_SKEW,), actor="reviewer-1", note="n", at_ms=1
    )
    return ledger.heads()


def _found(problems: Sequence[Problem]) -> list[tuple[str, int | None, str | None, str]]:
    return [(one.chain, one.seq, one.check_in_id, one.field) for one in problems]


def test_an_untouched_ledger_has_no_problem(ledger: Ledger) -> None:
    assert verify(ledger) == []
    heads = _filled(ledger)
    assert verify(ledger) == verify(ledger, heads) == []


def test_every_column_has_a_lie_to_be_found() -> None:
    assert CHANGES.keys() | {"chain", "seq"} == {column.name for column in ledger_t.columns}


@pytest.mark.parametrize("seq", [1, 3, 6])
@pytest.mark.parametrize("column", sorted(CHANGES.keys() - {"check_in_id", "revision"}))
def test_a_changed_column_is_named_with_its_row_and_nothing_else(sqlite_url: str, column: str, seq: int) -> None:
    ledger = Ledger.open(sqlite_url)
    _filled(ledger)
    change = CHANGES[column] if (column, seq) != ("hash", 1) else "'f'"
    tamper(sqlite_url, f"UPDATE ledger SET {column} = {change} WHERE chain = :c AND seq = :s", c=CHAIN, s=seq)
    assert _found(verify(ledger)) == [(CHAIN, seq, example_id(seq - 1), column)]
    ledger.close()


@pytest.mark.parametrize("column", sorted(CHANGES))
def test_a_changed_column_is_found_on_every_database(ledger: Ledger, ledger_url: str, column: str) -> None:
    _filled(ledger)
    change = f"UPDATE ledger SET {column} = {CHANGES[column]} WHERE chain = :chain AND seq = 4"
    tamper(ledger_url, change, chain=CHAIN)
    found = [one for one in verify(ledger) if (one.chain, one.seq) == (CHAIN, 4)]
    assert [one.field for one in found] == [column]


def test_a_row_moved_to_another_chain_is_missing_there_and_wrong_here(ledger: Ledger, ledger_url: str) -> None:
    _filled(ledger)
    tamper(ledger_url, f"UPDATE ledger SET chain = '{TOPIC}/1', seq = 4 WHERE chain = :chain AND seq = 3", chain=CHAIN)
    found = _found(verify(ledger))
    assert (CHAIN, 3, None, "seq") in found
    assert (f"{TOPIC}/1", 4, example_id(2), "chain") in found
    assert (f"{TOPIC}/1", 4, example_id(2), "seq") in found


def test_two_rows_that_changed_places_are_both_named(ledger: Ledger, ledger_url: str) -> None:
    _filled(ledger)
    moves = [f"UPDATE ledger SET seq = {new} WHERE chain = :chain AND seq = {old}" for old, new in _SWAP]
    tamper(ledger_url, *moves, chain=CHAIN)
    found = _found(verify(ledger))
    assert (CHAIN, 2, example_id(3), "seq") in found
    assert (CHAIN, 4, example_id(1), "seq") in found


_SWAP = [(2, 99), (4, 2), (99, 4)]

_DELETE = (
    "DELETE FROM evidence WHERE check_in_id IN (SELECT check_in_id FROM ledger WHERE chain = :chain AND seq {rows})",
    "DELETE FROM ledger WHERE chain = :chain AND seq {rows}",
)


def _delete(url: str, rows: str, chain: str = CHAIN) -> None:
    tamper(url, *(statement.format(rows=rows) for statement in _DELETE), chain=chain)


@pytest.mark.parametrize(("rows", "first"), [("= 1", 1), ("IN (4, 5)", 4)])
def test_a_deleted_row_leaves_a_gap_that_is_named(ledger: Ledger, ledger_url: str, rows: str, first: int) -> None:
    _filled(ledger)
    _delete(ledger_url, rows)
    assert (CHAIN, first, None, "seq") in _found(verify(ledger))


def test_rows_closed_up_over_a_deleted_one_are_found(ledger: Ledger, ledger_url: str) -> None:
    _filled(ledger)
    _delete(ledger_url, "= 6")
    _delete(ledger_url, "= 4")
    tamper(ledger_url, "UPDATE ledger SET seq = 4 WHERE chain = :chain AND seq = 5", chain=CHAIN)
    assert (CHAIN, 4, example_id(4), "seq") in _found(verify(ledger))


def test_a_cut_tail_is_found_by_published_heads_alone(ledger: Ledger, ledger_url: str) -> None:
    heads = _filled(ledger)
    _delete(ledger_url, "> 4")
    assert verify(ledger) == []
    (problem,) = verify(ledger, heads)
    assert (problem.chain, problem.seq, problem.field) == (CHAIN, 5, "seq")
    assert "rows 5 to 6 are missing" in str(problem)


def test_a_chain_cut_off_entirely_is_found_by_published_heads(ledger: Ledger, ledger_url: str) -> None:
    heads = _filled(ledger)
    _delete(ledger_url, "> 0", chain=f"{TOPIC}/1")
    (problem,) = verify(ledger, heads)
    assert (problem.chain, problem.seq) == (f"{TOPIC}/1", 3)
    assert "whole chain is missing" in problem.what


def test_a_chain_sealed_anew_is_found_by_published_heads_alone(ledger: Ledger, ledger_url: str) -> None:
    """Somebody who can compute hashes replaces the last row by another consistent one."""
    heads = _filled(ledger)
    _delete(ledger_url, "= 6")
    tamper(ledger_url, "UPDATE positions SET next_offset = 5 WHERE source_partition = 0")
    ledger.write(batch_of([example_row(5, 0, 5, outcome=Outcome.REJECTED)], expected={0: 5}))
    assert verify(ledger) == []
    assert _found(verify(ledger, heads)) == [(CHAIN, 6, example_id(5), "hash")]


def test_older_heads_still_hold_when_the_chain_has_grown(ledger: Ledger) -> None:
    older = _filled(ledger)
    ledger.write(batch_of([example_row(6, 0, 6)], expected={0: 6}))
    assert verify(ledger, older + ledger.heads()) == []


EVIDENCE_CHANGES = [
    ("body", "replace(body, '0.712345', '0.912345')", "evidence.face"),
    ("body", "replace(body, '113.7', '113.8')", "evidence.fix"),
    ("body", "replace(body, '12.3', '912.3')", "evidence.distance_m"),
    ("body", "'no JSON'", "evidence.body"),
    ("body", "NULL", "evidence.body"),
    ("salt", "NULL", "evidence.salt"),
    ("erased_at_ms", "1", "evidence.body"),
]


@pytest.mark.parametrize(("column", "change", "field"), EVIDENCE_CHANGES)
def test_changed_evidence_is_named_by_its_part(
    ledger: Ledger, ledger_url: str, column: str, change: str, field: str
) -> None:
    _filled(ledger)
    tamper(
        ledger_url,
        f"UPDATE evidence SET {column} = {change} WHERE check_in_id = :id AND revision = 0",
        id=example_id(2),
    )
    assert (CHAIN, 3, example_id(2), field) in _found(verify(ledger))


def test_every_evidence_column_has_a_lie_to_be_found() -> None:
    assert {column for column, *_ in EVIDENCE_CHANGES} | {"check_in_id", "revision"} == {
        column.name for column in evidence_t.columns
    }


def test_an_exchanged_salt_is_named(sqlite_url: str) -> None:
    ledger = Ledger.open(sqlite_url)
    _filled(ledger)
    tamper(
        sqlite_url, "UPDATE evidence SET salt = zeroblob(16) WHERE check_in_id = :id AND revision = 0", id=example_id(2)
    )
    assert _found(verify(ledger)) == [(CHAIN, 3, example_id(2), "evidence.salt")]
    ledger.close()


@pytest.mark.parametrize("column", ["seq", "source_offset", "prev_hash", "field_digests", "chain_format", "reasons"])
@pytest.mark.parametrize("lie", ["'x'", "x'00ff'", "1.5"])
def test_a_value_of_another_type_is_a_problem_not_a_crash(sqlite_url: str, column: str, lie: str) -> None:
    ledger = Ledger.open(sqlite_url)
    _filled(ledger)
    tamper(sqlite_url, f"UPDATE ledger SET {column} = {lie} WHERE chain = :chain AND seq = 3", chain=CHAIN)
    assert column in {one.field for one in verify(ledger)}
    ledger.close()


@pytest.mark.parametrize(
    ("column", "lie"), [("body", "x'7b7d'"), ("body", "7"), ("salt", "'sixteen letters.'"), ("salt", "x'00'")]
)
def test_evidence_of_another_type_is_a_problem_not_a_crash(sqlite_url: str, column: str, lie: str) -> None:
    ledger = Ledger.open(sqlite_url)
    _filled(ledger)
    tamper(
        sqlite_url, f"UPDATE evidence SET {column} = {lie} WHERE check_in_id = :id AND revision = 0", id=example_id(2)
    )
    assert _found(verify(ledger)) == [(CHAIN, 3, example_id(2), f"evidence.{column}")]
    ledger.close()


def test_a_deleted_side_table_row_is_no_erasure(ledger: Ledger, ledger_url: str) -> None:
    _filled(ledger)
    tamper(ledger_url, "DELETE FROM evidence WHERE check_in_id = :id", id=example_id(4))
    assert _found(verify(ledger)) == [(CHAIN, 5, example_id(4), "evidence")]


@pytest.mark.parametrize("column", ["check_in_id", "revision"])
def test_evidence_given_to_another_check_in_is_found_at_both_ends(ledger: Ledger, ledger_url: str, column: str) -> None:
    _filled(ledger)
    change = {"check_in_id": "'00000000-0000-4000-8000-999999999999'", "revision": "9"}[column]
    tamper(ledger_url, f"UPDATE evidence SET {column} = {change} WHERE check_in_id = :id", id=example_id(4))
    found = _found(verify(ledger))
    assert (CHAIN, 5, example_id(4), "evidence") in found
    assert [field for chain, _, _, field in found if chain == "-"] == ["evidence"]


@pytest.mark.parametrize("change", ["UPDATE positions SET next_offset = 5", "DELETE FROM positions"])
def test_a_position_behind_its_chain_is_found(ledger: Ledger, ledger_url: str, change: str) -> None:
    _filled(ledger)
    tamper(ledger_url, f"{change} WHERE source_partition = 0")
    assert _found(verify(ledger)) == [(CHAIN, None, None, "next_offset")]


def test_the_list_of_problems_is_bounded(ledger: Ledger, ledger_url: str) -> None:
    ledger.write(batch_of([example_row(n) for n in range(MOST_PROBLEMS + 1)]))
    tamper(ledger_url, "UPDATE ledger SET policy = 'x'")
    assert len(verify(ledger)) == MOST_PROBLEMS


def test_progress_ends_with_the_number_of_rows(ledger: Ledger) -> None:
    _filled(ledger)
    seen: list[int] = []
    verify(ledger, progress=seen.append)
    assert seen == [10]
