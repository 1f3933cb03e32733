"""The ledger's contract, on every database that Hadir supports."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from threading import Barrier

import pytest

from hadir.attendance.ledger import Counts, Ledger
from hadir.attendance.ledger_batch import Advance, LedgerBatch, SecurityEvent
from hadir.attendance.ledger_row import HistoryKey, LedgerRow
from hadir.attendance.ledger_verify import verify
from hadir.core.check_in import Channel, Direction
from hadir.core.errors import HadirError, InputError, LedgerConflict, PositionConflict
from hadir.core.evidence import History
from hadir.core.message import Message
from hadir.core.verdict import Outcome, Reason
from tests.attendance.ledger_examples import BODY, TOPIC, batch_of, example_id, example_row, tamper

MESSAGE = Message("hadir.verdicts.v1", b"person-1", b'{"id":1}', (("id", b"\x00\xff"), ("code", b"")))


def test_a_written_row_comes_back_as_it_was(ledger: Ledger) -> None:
    full = example_row(1)
    bare = example_row(
        2,
        outcome=Outcome.REJECTED,
        reasons=(Reason.INVALID_FIELD,),
        direction=None,
        channel=None,
        minutes=None,
        distance_m=None,
        field="fix",
        shift=None,
        captured_at_ms=None,
        person="pegawai ✓ 漢",
        case=True,
    )
    ledger.write(batch_of([full, bare]))
    assert ledger.known([full.id, bare.id, example_id(9)]) == {full.id: full, bare.id: bare}
    assert ledger.evidence(full.id) == {**BODY, "content_sha256": "c" * 64, "distance_m": 12.3, "field": None}


def test_words_given_as_enum_members_are_kept_by_their_value(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1, direction=Direction.OUT, channel=Channel.PAPER)]))
    assert ledger.row(example_id(1)) == example_row(1, direction="out", channel="paper")


def test_an_unknown_check_in_has_neither_row_nor_evidence(ledger: Ledger) -> None:
    assert ledger.known([]) == ledger.known([example_id(1)]) == {}
    assert ledger.row(example_id(1)) is None
    assert ledger.evidence(example_id(1)) is None


def test_positions_are_those_of_the_topic(ledger: Ledger) -> None:
    assert ledger.positions(TOPIC) == {}
    ledger.write(batch_of([example_row(1, 0, 4), example_row(2, 3, 8)]))
    assert ledger.positions(TOPIC) == {0: 5, 3: 9}
    assert ledger.positions("another") == {}


def test_a_position_moves_without_rows(ledger: Ledger) -> None:
    """Dead letters and repeats move the position and decide nothing new."""
    ledger.write(batch_of([example_row(1, 0, 4)]))
    moved = replace(batch_of([example_row(1, 0, 9)], expected={0: 5}), decisions=())
    ledger.write(moved)
    assert ledger.positions(TOPIC) == {0: 10}
    with pytest.raises(PositionConflict):
        ledger.write(moved)


@pytest.mark.parametrize("expected", [{}, {0: 3}, {0: 6}])
def test_a_position_that_is_not_the_expected_one_writes_nothing(ledger: Ledger, expected: dict[int, int]) -> None:
    ledger.write(batch_of([example_row(1, 0, 4)]))
    event = SecurityEvent(1, "id_conflict", example_id(1))
    with pytest.raises(PositionConflict):
        ledger.write(
            batch_of(
                [example_row(2, 1, 0), example_row(3, 0, 7)],
                expected=expected,
                outbox=[MESSAGE],
                security_events=[event],
            )
        )
    assert ledger.positions(TOPIC) == {0: 5}
    assert ledger.counts().rows == 1
    assert ledger.outbox_depth() == 0


def test_an_expected_position_that_is_not_stored_is_a_conflict(ledger: Ledger) -> None:
    with pytest.raises(PositionConflict, match="partition 0"):
        ledger.write(batch_of([example_row(1, 0, 4)], expected={0: 4}))


def test_an_id_that_has_a_row_is_a_conflict_and_writes_nothing(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1, 0, 0)]))
    with pytest.raises(LedgerConflict, match=example_id(1)):
        ledger.write(batch_of([example_row(5, 1, 0), example_row(1, 2, 0)], outbox=[MESSAGE]))
    assert ledger.positions(TOPIC) == {0: 1}
    assert ledger.counts().rows == 1
    assert ledger.outbox_depth() == 0


@pytest.mark.parametrize(
    ("batch", "message"),
    [
        (replace(batch_of([example_row(1, 0, 1)]), advances=()), "outside of the batch's advances"),
        (batch_of([example_row(1, 0, 1)], expected={0: 2}), "outside of the batch's advances"),
        (LedgerBatch(TOPIC, (), (), (), (Advance(0, 5, 4),)), "never moves back"),
        (batch_of([example_row(1, 0, 2), example_row(2, 0, 1)]), "offset order"),
        (batch_of([example_row(1, 0, 1), example_row(2, 0, 1)]), "offset order"),
        (batch_of([example_row(1, 0, 1), example_row(1, 1, 1)]), "each check-in once"),
        (batch_of([example_row(1, 0, 1, revision=1)]), "revision 1"),
        (replace(batch_of([example_row(1)]), advances=batch_of([example_row(1)]).advances * 2), "partition once"),
    ],
)
def test_a_batch_that_breaks_its_rules_is_refused(ledger: Ledger, batch: LedgerBatch, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ledger.write(batch)
    assert ledger.positions(TOPIC) == {}


def _race(writers: list[Ledger], batches: list[LedgerBatch]) -> list[HadirError | None]:
    """Write all batches at once, each by its own connection pool; the error of each."""
    barrier = Barrier(len(batches))

    def write(writer: Ledger, batch: LedgerBatch) -> HadirError | None:
        barrier.wait(timeout=30)
        try:
            writer.write(batch)
        except HadirError as err:
            return err
        return None

    with ThreadPoolExecutor(len(batches)) as threads:
        return list(threads.map(write, writers, batches))


@pytest.mark.parametrize("expected", [{}, {0: 1}])
def test_of_two_writers_of_one_partition_one_wins_and_nothing_forks(ledger_url: str, expected: dict[int, int]) -> None:
    writers = [Ledger.open(ledger_url) for _ in range(4)]
    if expected:
        writers[0].write(batch_of([example_row(0, 0, 0)]))
    batches = [batch_of([example_row(10 + n, 0, 1)], expected=expected) for n in range(4)]
    errors = _race(writers, batches)
    assert sorted(type(err).__name__ for err in errors) == ["NoneType"] + ["PositionConflict"] * 3
    assert writers[0].counts().rows == 1 + len(expected)
    assert verify(writers[0]) == []
    for writer in writers:
        writer.close()


def test_of_two_partitions_that_carry_one_id_one_wins(ledger_url: str) -> None:
    writers = [Ledger.open(ledger_url) for _ in range(2)]
    errors = _race(writers, [batch_of([example_row(1, partition, 0)]) for partition in range(2)])
    assert sorted(type(err).__name__ for err in errors) == ["LedgerConflict", "NoneType"]
    assert writers[0].counts().rows == 1
    for writer in writers:
        writer.close()


def test_writers_of_different_partitions_do_not_hinder_each_other(ledger_url: str) -> None:
    writers = [Ledger.open(ledger_url) for _ in range(4)]
    errors = _race(writers, [batch_of([example_row(n, n, 0)]) for n in range(4)])
    assert errors == [None] * 4
    assert verify(writers[0], writers[0].heads()) == []
    for writer in writers:
        writer.close()


KEY = HistoryKey("person-x", "in", "dinas/2026-11-23/pagi")


def test_mismatches_count_from_the_last_accepted_row_on(ledger: Ledger) -> None:
    mismatch = (Outcome.REJECTED, (Reason.FACE_MISMATCH,))
    told = [mismatch, mismatch, (Outcome.ACCEPTED, (Reason.OK,)), mismatch, (Outcome.REJECTED, (Reason.NO_FACE,))]
    rows = [example_row(n, person="person-x", outcome=o, reasons=r) for n, (o, r) in enumerate(told)]
    ledger.write(batch_of(rows))
    assert ledger.history([KEY]) == {KEY: History(mismatches=1, accepted=True)}


def test_history_goes_by_reception_not_by_the_order_of_writing(ledger: Ledger) -> None:
    accepted = example_row(9, 0, 0, person="person-x")
    earlier = example_row(3, 1, 0, person="person-x", outcome=Outcome.REJECTED, reasons=(Reason.FACE_MISMATCH,))
    ledger.write(batch_of([accepted, earlier]))
    assert ledger.history([KEY]) == {KEY: History(mismatches=0, accepted=True)}


@pytest.mark.parametrize("other", [{"person": "person-y"}, {"direction": "out"}, {"shift": "dinas/2026-11-24/pagi"}])
def test_history_is_of_one_person_direction_and_shift(ledger: Ledger, other: dict[str, str]) -> None:
    asked = [KEY, HistoryKey("person-y", "out", "dinas/2026-11-24/pagi")]
    of_x = example_row(1, person="person-x", reasons=(Reason.FACE_MISMATCH,), outcome=Outcome.REJECTED)
    ledger.write(batch_of([LedgerRow(**{**asdict(of_x), **other})]))
    assert ledger.history(asked) == dict.fromkeys(asked, History())


def test_a_humans_revision_is_no_history(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1, person="person-x", outcome=Outcome.REVIEW, reasons=(Reason.CLOCK_SKEW,))]))
    _append_human(ledger, 1, 0)
    assert ledger.history([KEY]) == {KEY: History()}


def _append_human(ledger: Ledger, number: int, after: int) -> object:
    return ledger.append_human(
        example_id(number),
        after,
        outcome=Outcome.ACCEPTED,
        reasons=(Reason.OK,),
        actor="reviewer-3",
        note="spoke with the unit",
        at_ms=77,
    )


def test_a_human_appends_a_revision_and_the_machines_row_stays(ledger: Ledger) -> None:
    machine = example_row(1, outcome=Outcome.REVIEW, reasons=(Reason.CLOCK_SKEW,), case=True)
    ledger.write(batch_of([machine]))
    human = replace(machine, revision=1, outcome=Outcome.ACCEPTED, reasons=(Reason.OK,), case=False, decided_at_ms=77)
    assert _append_human(ledger, 1, 0) == human
    assert ledger.revisions(machine.id) == [machine, human]
    assert ledger.known([machine.id]) == {machine.id: machine}
    evidence = ledger.evidence(machine.id, revision=1)
    assert evidence is not None
    assert evidence["note"] == "spoke with the unit"
    assert [(head.chain, head.seq) for head in ledger.heads()] == [(f"{TOPIC}/0", 1), ("human", 1)]


def test_a_human_who_has_not_read_the_latest_revision_is_refused(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1)]))
    _append_human(ledger, 1, 0)
    with pytest.raises(LedgerConflict, match="at revision 1, not 0"):
        _append_human(ledger, 1, 0)


def test_a_human_cannot_decide_a_check_in_that_never_came(ledger: Ledger) -> None:
    with pytest.raises(InputError, match=example_id(1)):
        _append_human(ledger, 1, 0)


def test_the_outbox_gives_messages_in_order_and_byte_for_byte(ledger: Ledger) -> None:
    keyless = Message("hadir.dead-letters.v1", None, b"\x00\x80")
    ledger.write(batch_of([example_row(1)], outbox=[MESSAGE, keyless, MESSAGE]))
    waiting = ledger.unpublished(10)
    assert [row.message for row in waiting] == [MESSAGE, keyless, MESSAGE]
    assert [row.seq for row in waiting] == sorted({row.seq for row in waiting})
    assert ledger.unpublished(1) == waiting[:1]
    assert ledger.outbox_depth() == 3


def test_a_published_message_leaves_the_outbox_and_its_body_is_forgotten(ledger: Ledger, ledger_url: str) -> None:
    ledger.write(batch_of([example_row(1)], outbox=[MESSAGE, MESSAGE]))
    first, second = ledger.unpublished(10)
    ledger.mark_published([first.seq], at_ms=5)
    ledger.mark_published([first.seq], at_ms=9)
    assert ledger.unpublished(10) == [second]
    assert ledger.outbox_depth() == 1
    with ledger.snapshot() as connection:
        kept = connection.exec_driver_sql(
            "SELECT message_key, message_value, headers, published_at_ms FROM outbox ORDER BY seq"
        )
        assert kept.first() == (None, None, None, 5)


def test_counts_are_by_outcome_of_the_machine(ledger: Ledger) -> None:
    rows = [example_row(n) for n in range(3)]
    rows.append(example_row(3, outcome=Outcome.REVIEW, reasons=(Reason.CLOCK_SKEW,), case=True))
    ledger.write(batch_of(rows))
    _append_human(ledger, 3, 0)
    ledger.erase_evidence([example_id(0)], at_ms=1)
    outcomes = {Outcome.ACCEPTED: 3, Outcome.REVIEW: 1, Outcome.REJECTED: 0}
    assert ledger.counts() == Counts(rows=4, outcomes=outcomes, cases=1, human=1, erased=1)


def test_an_empty_ledger_counts_nothing(ledger: Ledger) -> None:
    assert ledger.counts() == Counts(0, dict.fromkeys(Outcome, 0), 0, 0, 0)
    assert ledger.heads() == []


def test_erasure_takes_the_evidence_of_all_revisions_and_leaves_the_chain_whole(ledger: Ledger) -> None:
    ledger.write(batch_of([example_row(1), example_row(2)]))
    _append_human(ledger, 1, 0)
    heads = ledger.heads()
    assert ledger.erase_evidence([example_id(1), example_id(9)], at_ms=5) == 2
    assert ledger.erase_evidence([example_id(1)], at_ms=6) == 0
    assert ledger.evidence(example_id(1)) is None
    assert ledger.evidence(example_id(1), revision=1) is None
    assert ledger.row(example_id(1)) == replace(example_row(1), distance_m=None, content_sha256=None)
    assert ledger.row(example_id(2)) == example_row(2)
    assert ledger.heads() == heads
    assert verify(ledger, heads) == []


def test_the_database_itself_refuses_a_fork(ledger: Ledger, ledger_url: str) -> None:
    ledger.write(batch_of([example_row(1, 0, 0), example_row(2, 0, 1)]))
    with pytest.raises(Exception, match=r"(?i)unique"):
        tamper(ledger_url, "UPDATE ledger SET seq = 1 WHERE seq = 2")


def test_chains_go_on_after_a_restart(ledger_url: str) -> None:
    first = Ledger.open(ledger_url)
    first.write(batch_of([example_row(1, 0, 0)]))
    first.close()
    second = Ledger.open(ledger_url)
    second.write(batch_of([example_row(2, 0, 1)], expected={0: 1}))
    assert [(head.chain, head.seq) for head in second.heads()] == [(f"{TOPIC}/0", 2)]
    assert verify(second) == []
    second.close()


def test_a_snapshot_sees_one_moment_whatever_is_written_meanwhile(ledger: Ledger) -> None:
    """Verification must not take a row for missing because its chain was read a moment earlier."""
    ledger.write(batch_of([example_row(0)]))
    with ledger.snapshot() as connection:
        before = connection.exec_driver_sql("SELECT count(*) FROM ledger").scalar()
        ledger.write(batch_of([example_row(1)], expected={0: 1}))
        assert connection.exec_driver_sql("SELECT count(*) FROM ledger").scalar() == before == 1
    assert ledger.counts().rows == 2
