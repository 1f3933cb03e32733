"""Where decided rows came from, on either database: by id, by time of reception, and what waits to be set aside."""

from __future__ import annotations

import pytest

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_places import DecidedRow, decided_rows, rows_received, waiting_headers
from hadir.core.errors import LedgerTampered
from hadir.core.message import Message
from hadir.core.verdict import Outcome
from tests.attendance.ledger_examples import START_MS, TOPIC, batch_of, example_id, example_row, tamper


def place(number: int, content: str | None) -> DecidedRow:
    person, at_ms = f"person-{number % 7}", START_MS + number * 1000
    return DecidedRow(example_id(number), f"{TOPIC}/0", number, person, at_ms, content)


def test_rows_are_found_by_id_with_their_place_and_content(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(n) for n in range(5)]))
    found = decided_rows(ledger, [example_id(1), example_id(3), example_id(9)])
    assert found == {example_id(n): [place(n, "c" * 64)] for n in (1, 3)}
    assert decided_rows(ledger, []) == {}


def test_a_humans_decision_is_no_second_row_of_the_machine(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1)]))
    ledger.append_human(example_id(1), 0, outcome=Outcome.REJECTED, reasons=(), actor="siti", note="", at_ms=1)
    assert len(decided_rows(ledger, [example_id(1)])[example_id(1)]) == 1
    assert len(list(rows_received(ledger, 0, START_MS * 2))) == 1


def test_after_an_erasure_the_content_is_unknown(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1)]))
    ledger.erase_evidence([example_id(1)], 1)
    assert decided_rows(ledger, [example_id(1)])[example_id(1)] == [place(1, None)]


def test_evidence_that_is_no_json_is_told_by_the_check_ins_id(ledger: Ledger, ledger_url: str) -> None:
    ledger.write(batch_of([example_row(1)]))
    tamper(ledger_url, "UPDATE evidence SET body = 'nothing'")
    with pytest.raises(LedgerTampered, match=example_id(1)):
        decided_rows(ledger, [example_id(1)])


def test_rows_of_a_time_come_without_its_end_and_in_any_number(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(n) for n in range(2500)]))
    found = {row.offset for row in rows_received(ledger, START_MS + 10_000, START_MS + 2_400_000)}
    assert found == set(range(10, 2400))


def test_only_what_waits_for_this_topic_is_told(ledger: Ledger) -> None:
    headers = (("code", b"undecodable"), ("id", b""), ("partition", b"3"))
    outbox = [Message("letters", b"k", b"v", headers), Message("verdicts", b"k", b"v")]
    ledger.write(batch_of([example_row(1)], outbox=outbox))
    assert waiting_headers(ledger, "letters") == [{"code": "undecodable", "id": "", "partition": "3"}]
    ledger.mark_published([row.seq for row in ledger.unpublished(10)], 1)
    assert waiting_headers(ledger, "letters") == []
