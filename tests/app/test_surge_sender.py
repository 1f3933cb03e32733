"""Sending by the clock, and hearing what comes back."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace

import msgspec
import numpy as np
import pytest

from hadir.app.board import Board
from hadir.app.surge_cast import Cast, Signer
from hadir.app.surge_places import SigningPlace
from hadir.app.surge_plan import Due, Kind, lay_out
from hadir.app.surge_sender import Sender
from hadir.app.surge_watch import SurgeWatch
from hadir.app.variation import encode_jpeg
from hadir.core.check_in import Fix
from hadir.core.clock import ManualClock, SystemClock
from hadir.core.errors import StreamError, StreamUnavailable
from hadir.core.message import Message
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.messages import dead_letter_message
from hadir.pipeline.ports import Record

PATIENCE_S = 30.0
PLACE = SigningPlace(Fix(-8.0, 113.0, 8.0), Fix(-7.9, 113.0, 8.0), on_shift=True)
CAST = Cast([encode_jpeg(np.full((200, 200, 3), 90, np.uint8))], [Signer("P1", (0,), (), PLACE)])
HONEST = frozenset({(Outcome.ACCEPTED, Reason.OK), (Outcome.ACCEPTED, Reason.LATE)})


def plan(*times_s: float) -> list[Due]:
    """Honest ones alone, none sent twice."""
    laid = lay_out(CAST, np.array(times_s, dtype=np.float64), 1)
    return [replace(due, kind=Kind.HONEST, may_become=HONEST) for due in laid]


class Log:
    """A sink that keeps what it takes, and fails as often as it is told to."""

    def __init__(self, failures: int = 0, error: Exception | None = None) -> None:
        self.taken: list[Message] = []
        self.asked = 0
        self.failed = threading.Event()
        self._failures, self._error = failures, error or StreamUnavailable("no broker")

    def send(self, messages: Sequence[Message]) -> None:
        self.asked += 1
        if self.asked <= self._failures:
            self.failed.set()
            raise self._error
        self.taken += messages

    def close(self) -> None: ...


def sender(log: Log, dues: Sequence[Due], watch: SurgeWatch) -> Sender:
    return Sender(log, "check-ins", CAST, dues, watch=watch, clock=ManualClock(1_790_000_000_000))


def running(dues_at_s: Sequence[float] = (0.0, 0.0, 0.01)) -> tuple[list[Due], SurgeWatch, Board]:
    board, clock = Board(), SystemClock()
    return plan(*dues_at_s), SurgeWatch(board, clock.monotonic_s(), clock.monotonic_s), board


def verdict(due: Due, outcome: str = "accepted", reasons: Sequence[str] = ("ok",), revision: int = 0) -> Record:
    told = {"id": due.id, "revision": revision, "outcome": outcome, "reasons": reasons, "sentence": {"id": "Diterima."}}
    return Record(0, 0, 0, b"P1", msgspec.json.encode(told))


def test_everything_is_sent_once_and_acknowledged() -> None:
    dues, watch, board = running()
    log = Log()
    sends = sender(log, dues, watch)
    sends.start()
    sends.join()
    assert [msgspec.msgpack.decode(one.value)["id"] for one in log.taken] == [due.id for due in dues]
    assert list(sends.sent) == [due.id for due in dues]
    assert not sends.unsure
    assert board.sheet().received == 3
    assert watch.open() == dues


def test_what_an_outage_swallowed_is_sent_again_with_the_same_bytes() -> None:
    dues, watch, _ = running((0.0,))
    log = Log(failures=2)
    sends = sender(log, dues, watch)
    sends.start()
    sends.join()
    assert sends.again == 2
    assert len(log.taken) == 1
    assert list(sends.sent) == [dues[0].id]


def test_whoever_is_stopped_in_an_outage_says_what_may_be_in_the_log() -> None:
    dues, watch, _ = running((0.0, 1000.0))
    log = Log(failures=1_000_000)
    sends = sender(log, dues, watch)
    sends.start()
    assert log.failed.wait(PATIENCE_S)
    sends.stop()
    sends.join()
    assert list(sends.unsure) == [dues[0].id]
    assert not sends.sent


def test_a_log_that_refuses_for_good_ends_the_sending_with_its_own_words() -> None:
    dues, watch, _ = running()
    sends = sender(Log(failures=1, error=StreamError("too large")), dues, watch)
    sends.start()
    with pytest.raises(StreamError, match="too large"):
        sends.join()


def test_who_is_sent_twice_is_in_the_log_twice_with_the_same_bytes() -> None:
    dues, watch, _ = running((0.0,))
    (due,) = dues
    log = Log()
    sends = sender(log, [replace(due, kind=Kind.RESENT)], watch)
    sends.start()
    sends.join()
    assert len(log.taken) == 2
    assert log.taken[0].value == log.taken[1].value


def test_latency_counts_from_the_intended_moment_and_not_from_the_sending() -> None:
    clock, board = ManualClock(0), Board()
    watch = SurgeWatch(board, 0.0, clock.monotonic_s)
    (due,) = plan(2.0)
    clock.advance(10.0)
    watch.sending([due])
    assert watch.oldest_s() == pytest.approx(8.0)
    clock.advance(1.0)
    watch.hear_verdict(verdict(due))
    (answer,) = watch.answers()
    assert answer.latency_s == pytest.approx(9.0)
    assert answer.right
    assert not watch.waits()
    assert watch.oldest_s() == 0.0
    assert list(board.sheet().latencies_s) == pytest.approx([9.0])


def test_the_oldest_undecided_is_the_one_that_was_due_first() -> None:
    clock = ManualClock(0)
    watch = SurgeWatch(Board(), 0.0, clock.monotonic_s)
    first, second = plan(1.0, 5.0)
    clock.advance(6.0)
    watch.sending([first, second])
    assert watch.oldest_s() == pytest.approx(5.0)
    watch.hear_verdict(verdict(first))
    assert watch.oldest_s() == pytest.approx(1.0)


def test_only_the_first_verdict_of_an_own_id_counts() -> None:
    clock, board = ManualClock(0), Board()
    watch = SurgeWatch(board, 0.0, clock.monotonic_s)
    due, stranger = plan(0.0, 0.0)
    watch.sending([due])
    watch.hear_verdict(verdict(due, revision=1))
    assert watch.waits()
    watch.hear_verdict(verdict(due))
    watch.hear_verdict(verdict(due))
    watch.hear_verdict(verdict(stranger))
    assert len(watch.answers()) == 1
    assert (board.sheet().decided, watch.repeats) == (1, 1)


def test_a_wrong_verdict_is_told_from_a_right_one() -> None:
    clock = ManualClock(0)
    watch = SurgeWatch(Board(), 0.0, clock.monotonic_s)
    (due,) = plan(0.0)
    watch.sending([due])
    watch.hear_verdict(verdict(due, "rejected", ["face_mismatch"]))
    assert not watch.answers()[0].right


def test_what_was_set_aside_waits_no_longer_and_is_no_answer() -> None:
    clock, board = ManualClock(0), Board()
    watch = SurgeWatch(board, 0.0, clock.monotonic_s)
    (due,) = plan(0.0)
    watch.sending([due])
    letter = dead_letter_message(Record(0, 1, 0, b"P1", b"x"), "check-ins", "id_conflict", 0, due.id)
    watch.hear_letter(Record(0, 0, 0, letter.key, letter.value, letter.headers))
    assert not watch.waits()
    assert watch.answers() == []
    assert watch.set_aside == {due.id: "id_conflict"}
