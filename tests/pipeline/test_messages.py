"""Verdicts and dead letters as they stand on their topics."""

from __future__ import annotations

import json

from hadir.attendance.ledger_row import LedgerRow
from hadir.core.message import Message
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.messages import check_in_of, dead_letter_message, encode_verdict, verdict_message
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS

ROW = LedgerRow(
    id="5f0c7a4e-8a39-4b5e-9a32-0c8fb6a1d2e3",
    revision=0,
    person="p-0042",
    direction="in",
    channel="face",
    outcome=Outcome.REJECTED,
    reasons=(Reason.OUTSIDE_SITE,),
    case=False,
    minutes=None,
    distance_m=412.3,
    field=None,
    shift="u-1/2026-09-21/pagi",
    captured_at_ms=1_790_000_000_000,
    received_at_ms=1_790_000_000_500,
    decided_at_ms=1_790_000_000_710,
    partition=3,
    offset=7,
    snapshot="snapshot-1",
    embedding_space="space-1",
    policy="test/1",
    content_sha256="0" * 64,
)


def test_a_verdict_has_the_fields_of_the_contract_and_no_other() -> None:
    assert list(json.loads(encode_verdict(ROW))) == [
        "schema",
        "id",
        "revision",
        "person",
        "direction",
        "channel",
        "outcome",
        "reasons",
        "minutes",
        "distance_m",
        "received_at_ms",
        "decided_at_ms",
        "snapshot",
        "embedding_space",
        "policy",
        "sentence",
    ]


def test_a_verdict_says_what_to_do_in_both_languages() -> None:
    sentence = json.loads(encode_verdict(ROW))["sentence"]
    assert sentence["id"] and sentence["en"] and sentence["id"] != sentence["en"]


def test_the_same_row_is_always_the_same_bytes_under_the_persons_key() -> None:
    assert verdict_message(ROW) == verdict_message(ROW)
    assert (verdict_message(ROW).topic, verdict_message(ROW).key) == (VERDICTS, b"p-0042")


def test_a_dead_letter_is_the_original_and_its_reason() -> None:
    record = Record(3, 7, 0, b"p-1", b"\x00raw")
    letter = dead_letter_message(record, CHECK_INS, "undecodable", 0, None)
    assert (letter.topic, letter.key, letter.value) == (DEAD_LETTERS, b"p-1", b"\x00raw")
    assert letter.headers == (
        ("id", b""),
        ("code", b"undecodable"),
        ("source_topic", b"hadir.check-ins.v1"),
        ("partition", b"3"),
        ("offset", b"7"),
        ("attempts", b"0"),
    )


def test_whose_message_it_is_can_be_told_for_the_log() -> None:
    record = Record(3, 7, 1_790_000_000_500, b"p-0042", b"?", ())
    assert check_in_of(verdict_message(ROW)) == ROW.id
    assert check_in_of(dead_letter_message(record, CHECK_INS, "processing_failed", 3, ROW.id)) == ROW.id
    assert check_in_of(dead_letter_message(record, CHECK_INS, "undecodable", 0, None)) is None
    assert check_in_of(Message(VERDICTS, b"p", b"\xff")) is None
