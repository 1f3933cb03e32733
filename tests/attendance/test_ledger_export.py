"""What leaves the ledger as JSON lines, and which photos its cases name."""

from __future__ import annotations

import json

import pytest

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import Advance, Decision, LedgerBatch
from hadir.attendance.ledger_export import case_photos, export
from hadir.core.errors import LedgerTampered
from hadir.core.verdict import Outcome, Reason
from tests.attendance.ledger_examples import BODY, START_MS, TOPIC, batch_of, example_id, example_row, tamper

SECRETS = ("latitude", "similarity", "device", "content", "reader-7", "113.7")


def test_rows_come_by_reception_then_partition_then_offset_then_revision(ledger: Ledger) -> None:
    together = START_MS + 50_000
    rows = [
        example_row(9, 0, 0),
        example_row(1, 0, 1),
        example_row(2, 1, 5, received_at_ms=together),
        example_row(3, 0, 7, received_at_ms=together),
    ]
    ledger.write(batch_of(rows))
    ledger.append_human(
        example_id(1), 0, outcome=Outcome.REVIEW, reasons=(Reason.CLOCK_SKEW,), actor="reviewer-1", note="n", at_ms=1
    )
    lines = [(line["id"], line["revision"]) for line in export(ledger)]
    assert lines == [(example_id(n), revision) for n, revision in [(1, 0), (1, 1), (9, 0), (3, 0), (2, 0)]]


def test_a_line_holds_the_public_fields_and_the_reasons_in_their_order(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1, distance_m=12.3)]))
    (line,) = export(ledger)
    assert (line["id"], line["revision"], line["outcome"]) == (example_id(1), 0, "accepted")
    assert line["reasons"] == ["late", "repeated"]
    assert (line["chain"], line["seq"], line["distance_m"], line["case"]) == (f"{TOPIC}/0", 1, 12.3, False)
    assert line["actor"] is None


def test_scores_coordinates_and_devices_leave_only_when_asked(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1)]))
    (line,) = export(ledger)
    assert not any(secret in json.dumps(line) for secret in SECRETS)
    (full,) = export(ledger, evidence=True)
    kept = full["evidence"]
    assert isinstance(kept, dict)
    assert kept.items() >= BODY.items()


def test_erased_evidence_is_null_and_the_row_stays(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1)]))
    ledger.erase_evidence([example_id(1)], at_ms=1)
    (line,) = export(ledger, evidence=True)
    assert (line["evidence"], line["distance_m"], line["outcome"]) == (None, None, "accepted")


def test_photos_are_those_that_cases_name_until_their_evidence_is_erased(ledger: Ledger) -> None:
    bodies = [{"photos": [{"sha256": name * 64}, {"sha256": "9" * 64}]} for name in "abc"]
    rows = [example_row(number, case=number > 0) for number in range(3)]
    decisions = tuple(Decision(row, body) for row, body in zip(rows, bodies, strict=True))
    ledger.write(LedgerBatch(TOPIC, decisions, (), (), (Advance(0, None, 3),)))
    assert case_photos(ledger) == {"b" * 64, "c" * 64, "9" * 64}
    ledger.erase_evidence([example_id(2)], at_ms=1)
    assert case_photos(ledger) == {"b" * 64, "9" * 64}


def test_since_is_included_and_until_is_not(ledger: Ledger) -> None:
    rows = [example_row(n) for n in range(4)]
    ledger.write(batch_of(rows))
    within = export(ledger, since_ms=rows[1].received_at_ms, until_ms=rows[3].received_at_ms)
    assert [line["id"] for line in within] == [example_id(1), example_id(2)]


def test_more_rows_than_one_fetch_are_all_there_in_order(sqlite_url: str) -> None:
    ledger = Ledger.open(sqlite_url)
    ledger.write(batch_of([example_row(n) for n in range(2_500)]))
    assert [line["seq"] for line in export(ledger)] == list(range(1, 2_501))
    ledger.close()


@pytest.mark.parametrize("change", ["outcome = 'maybe'", "reasons = 'ok'", """reasons = '["fine"]'"""])
def test_a_value_that_hadir_never_writes_is_an_error_that_names_the_row(
    ledger: Ledger, ledger_url: str, change: str
) -> None:
    ledger.write(batch_of([example_row(1)]))
    tamper(ledger_url, f"UPDATE ledger SET {change}")
    with pytest.raises(LedgerTampered, match=f"row 1 of chain {TOPIC}/0"):
        list(export(ledger))
