"""The seven invariants hold of a right run, and each one fails when exactly its own fault is planted."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from hadir.app.invariants import Found, InvariantResult, Sent, check_invariants
from hadir.attendance.ledger_export import export
from hadir.core.check_in import CheckIn
from hadir.core.message import Message
from hadir.pipeline.codec import content_sha256, encode_check_in
from hadir.pipeline.memory import MemorySink
from hadir.pipeline.outbox import Relay
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS
from tests.pipeline.world import POLICY, STAMP, World, a_check_in, check_in_message

NOT_A_CHECK_IN = b"?"
NIP = "198001012005011001"


class Run:
    """Something of everything, decided and published: honest, mismatched, repeated, conflicting, undecodable, fatal."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "ledger.db"
        self.world = World(folder)
        self.honest = [a_check_in(f"p-{number}") for number in range(6)]
        self.mismatch = a_check_in("p-7", (b"bad",))
        self.fatal = a_check_in("p-8", (b"crash",))
        self.conflict = replace(self.honest[0], photos=(b"good too",))
        once = [*self.honest, self.mismatch, self.fatal]
        self.world.send(*map(check_in_message, [*once, self.honest[1], self.conflict]))
        self.world.send(Message(CHECK_INS, b"p-1", NOT_A_CHECK_IN))
        self.sent = Sent(
            {one.id: {content(one)} for one in once}
            | {self.conflict.id: {content(self.honest[0]), content(self.conflict)}},
            undecodable={sha256(NOT_A_CHECK_IN)},
        )
        self.decide()

    def decide(self) -> None:
        self.world.intake().run_until_idle()
        Relay(self.world.ledger, MemorySink(self.world.log), self.world.clock).drain()

    def found(self) -> Found:
        log = self.world.log
        return Found(
            self.world.ledger,
            CHECK_INS,
            POLICY,
            {STAMP.snapshot},
            verdicts=list(log.read(VERDICTS)),
            dead_letters=list(log.read(DEAD_LETTERS)),
            committed=log.committed(CHECK_INS, "hadir"),
            ends={p: log.end(CHECK_INS, p) for p in log.partitions(CHECK_INS)},
            undecided=[],
            heads=self.world.ledger.heads(),
            exported=list(export(self.world.ledger)),
            logs=['{"event": "ready"}'],
            private=[NIP],
        )

    def change(self, statement: str, *values: object) -> None:
        """As somebody with access to the file might."""
        with closing(sqlite3.connect(self.database)) as connection, connection:
            connection.execute("PRAGMA foreign_keys = OFF")
            connection.execute(statement, values)


def content(check_in: CheckIn) -> str:
    return content_sha256(msgspec.msgpack.decode(encode_check_in(check_in)))


def sha256(value: bytes) -> str:
    return hashlib.sha256(value).hexdigest()


def failing(results: tuple[InvariantResult, ...]) -> dict[int, str]:
    return {one.number: one.detail for one in results if not one.holds}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = Run(tmp_path)
    yield made
    made.world.ledger.close()


def test_all_seven_hold_of_a_right_run(run: Run) -> None:
    results = check_invariants(run.sent, run.found())
    assert [one.number for one in results] == list(range(1, 8))
    assert failing(results) == {}
    assert results[0].counts["received"] == results[0].counts["decided"] == 8
    assert results[1].counts["repeated"] == 1
    assert results[5].counts["accepted"] == 6


def test_one_a_lost_check_in_is_missing(run: Run) -> None:
    lost = a_check_in("p-1")
    sent = replace(run.sent, received={**run.sent.received, lost.id: {content(lost)}})
    assert failing(check_invariants(sent, run.found())) == {1: f"received 9; decided 8; missing 1: {lost.id}"}


def test_one_a_row_of_a_check_in_that_nobody_sent_is_named(run: Run) -> None:
    received = {one: contents for one, contents in run.sent.received.items() if one != run.fatal.id}
    assert (
        f"never sent 1: {run.fatal.id}"
        in failing(check_invariants(replace(run.sent, received=received), run.found()))[1]
    )


def test_one_what_was_sent_without_an_answer_may_be_there_or_not(run: Run) -> None:
    received = {one: contents for one, contents in run.sent.received.items() if one != run.fatal.id}
    unsure = {run.fatal.id: {content(run.fatal)}, a_check_in().id: {"0" * 64}}
    assert failing(check_invariants(replace(run.sent, received=received, unsure=unsure), run.found())) == {}


def test_one_two_rows_of_one_check_in_are_doubled(run: Run) -> None:
    run.change("ALTER TABLE ledger RENAME TO sealed")
    run.change("CREATE TABLE ledger AS SELECT * FROM sealed")
    run.change(
        "INSERT INTO ledger SELECT 'elsewhere', * FROM (SELECT seq, chain_format, check_in_id, revision, person,"
        " direction, channel, outcome, reasons, is_case, minutes, shift, captured_at_ms, received_at_ms, decided_at_ms,"
        " source_partition, source_offset, snapshot, embedding_space, policy, actor, evidence_sha256, evidence_digests,"
        " field_digests, prev_hash, hash FROM sealed WHERE check_in_id = ?)",
        run.mismatch.id,
    )
    assert f"doubled 1: {run.mismatch.id}" in failing(check_invariants(run.sent, run.found()))[1]


def test_one_other_content_needs_its_dead_letter(run: Run) -> None:
    found = replace(run.found(), dead_letters=without(run, "id_conflict"))
    assert list(failing(check_invariants(run.sent, found))) == [1]


def test_one_undecodable_bytes_need_their_dead_letter(run: Run) -> None:
    found = replace(run.found(), dead_letters=without(run, "undecodable"))
    assert list(failing(check_invariants(run.sent, found))) == [1]


def test_one_a_row_holds_the_content_that_was_sent(run: Run) -> None:
    sent = replace(run.sent, received={**run.sent.received, run.mismatch.id: {"0" * 64}})
    assert f"decided by other content 1: {run.mismatch.id}" in failing(check_invariants(sent, run.found()))[1]


def without(run: Run, code: str) -> list[Record]:
    return [one for one in run.world.log.read(DEAD_LETTERS) if ("code", code.encode()) not in one.headers]


def test_two_every_row_is_published(run: Run) -> None:
    found = run.found()
    verdicts = [one for one in found.verdicts if run.honest[3].id.encode() not in one.value]
    assert failing(check_invariants(run.sent, replace(found, verdicts=verdicts))) == {
        2: f"verdict records 8; repeated 1; dead letters 3; unpublished 1: {run.honest[3].id}"
    }


@pytest.mark.parametrize(
    "change", [lambda v: v.replace(b'"schema":1', b'"schema": 1'), lambda v: v[:-1]], ids=["other bytes", "not JSON"]
)
def test_two_a_verdict_is_repeated_byte_by_byte(run: Run, change: Callable[[bytes], bytes]) -> None:
    found = run.found()
    verdicts = list(found.verdicts)
    again = replace(verdicts[0], offset=99, value=change(verdicts[0].value))
    assert list(failing(check_invariants(run.sent, replace(found, verdicts=[*verdicts, again])))) == [2]


def test_two_nothing_is_published_without_a_row(run: Run) -> None:
    found = run.found()
    verdicts = list(found.verdicts)
    value = json.dumps(json.loads(verdicts[0].value) | {"id": a_check_in().id}).encode()
    assert list(
        failing(check_invariants(run.sent, replace(found, verdicts=[*verdicts, replace(verdicts[0], value=value)])))
    ) == [2]


def test_two_a_spent_crash_budget_leaves_a_letter_beside_its_row(run: Run) -> None:
    found = replace(run.found(), dead_letters=without(run, "processing_failed"))
    assert failing(check_invariants(run.sent, found)).keys() == {2}


def test_two_only_hadirs_own_letters_are_expected(run: Run) -> None:
    found = run.found()
    letters = list(found.dead_letters)
    headers = tuple(
        (k, b"ledger_down" if k == "code" else b"77" if k == "offset" else v) for k, v in letters[0].headers
    )
    outage = replace(letters[0], headers=headers)
    assert failing(check_invariants(run.sent, replace(found, dead_letters=[*letters, outage]))).keys() == {2}


def test_three_a_verdict_that_was_published_otherwise_contradicts(run: Run) -> None:
    found = run.found()
    verdicts = [replace(one, value=one.value.replace(b'"rejected"', b'"accepted"')) for one in found.verdicts]
    assert failing(check_invariants(run.sent, replace(found, verdicts=verdicts))) == {
        3: f"compared 8; exported 8; published otherwise 1: {run.mismatch.id}"
    }


def test_three_an_export_equals_the_ledger(run: Run) -> None:
    found = run.found()
    assert found.exported is not None
    lines = [{**line, "minutes": 5} if line["id"] == run.mismatch.id else line for line in found.exported][:-1]
    assert failing(check_invariants(run.sent, replace(found, exported=lines))).keys() == {3}


def test_four_a_commit_behind_the_end_is_not_at_rest(run: Run) -> None:
    found = run.found()
    last = max(found.ends, key=lambda p: found.ends[p])
    committed = {**found.committed, last: found.ends[last] - 1}
    results = check_invariants(run.sent, replace(found, committed=committed))
    assert f"not committed to the end 1: partition {last}" in failing(results)[4]


def test_four_a_record_beyond_the_ledgers_position_is_not_at_rest(run: Run) -> None:
    run.world.send(check_in_message(run.honest[0]))
    assert "not decided to the end 1" in failing(check_invariants(run.sent, run.found()))[4]


def test_four_a_waiting_outbox_is_not_at_rest(run: Run) -> None:
    run.change("UPDATE outbox SET published_at_ms = NULL WHERE seq = 1")
    assert failing(check_invariants(run.sent, run.found())).keys() == {4}


def test_five_says_what_the_watch_saw_and_nothing_where_nobody_watched(run: Run) -> None:
    seen = check_invariants(run.sent, replace(run.found(), undecided=["x at 0/1 was undecided, 2 committed"]))
    assert failing(seen).keys() == {5}
    assert check_invariants(run.sent, replace(run.found(), undecided=None))[4].holds is None


PLANTED = {
    "no face": ("face", None, "a face"),
    "a failed attempt": ("failed_attempts", 1, "a face"),
    "another person's": (("face", "claimed", "person"), "p-9", "a comparison"),
    "a low score": (("face", "claimed", "similarity"), 0.4999, "a score"),
    "no score": (("face", "claimed", "similarity"), None, "a score"),
    "another rate": (("thresholds", "accept", "fmr"), 1e-2, "a score"),
    "no fix": ("fix", None, "a place"),
    "a mocked fix": (("fix", "mock"), True, "not mocked"),
    "a wide fix": (("fix", "accuracy_m"), 101.0, "an accurate fix"),
    "a far fix": (("place", "distance_m"), 95.0, "inside the fence"),
}


@pytest.mark.parametrize("planted", PLANTED)
def test_six_an_accepted_row_lacks_its_proof(run: Run, planted: str) -> None:
    where, value, lack = PLANTED[planted]
    path = "$." + (where if isinstance(where, str) else ".".join(where))
    run.change(
        "UPDATE evidence SET body = json_set(body, ?, json(?)) WHERE check_in_id = ?",
        path,
        json.dumps(value),
        run.honest[2].id,
    )
    detail = failing(check_invariants(run.sent, run.found()))[6]
    assert detail.startswith(f"accepted 6; unproven 1: {run.honest[2].id} lacks ")
    assert lack in detail


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("snapshot", "'other'"),
        ("policy", "'other/1'"),
        ("shift", "'u/2026-09-21/'"),
        ("captured_at_ms", "1"),
        ("channel", "'paper'"),
    ],
)
def test_six_the_chained_row_bears_proof_too(run: Run, column: str, value: str) -> None:
    run.change(f"UPDATE ledger SET {column} = {value} WHERE check_in_id = ?", run.honest[2].id)
    assert 6 in failing(check_invariants(run.sent, run.found()))


def test_seven_a_changed_row_breaks_its_chain(run: Run) -> None:
    run.change("UPDATE ledger SET is_case = 1 WHERE check_in_id = ?", run.honest[2].id)
    assert failing(check_invariants(run.sent, run.found())).keys() == {7}


def test_seven_logs_hold_nothing_personal_and_are_not_quoted(run: Run) -> None:
    found = replace(run.found(), logs=["fine", f'{{"event": "who", "nip": "{NIP}"}}'])
    assert failing(check_invariants(run.sent, found)) == {
        7: f"heads {len(found.heads or ())}; log lines 2; personal data in logs 1: line 2"
    }


def test_a_detail_names_ten_at_most(run: Run) -> None:
    lost = {a_check_in().id: {"0" * 64} for _ in range(11)}
    results = check_invariants(replace(run.sent, received={**run.sent.received, **lost}), run.found())
    assert results[0].detail.count(", ") == 10
    assert results[0].detail.endswith(", …")
    assert results[0].counts["missing"] == 11
