"""The loop: every id one row, in offset order, whatever comes and whatever fails."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from hadir.attendance.ledger_batch import LedgerBatch
from hadir.attendance.ledger_row import HistoryKey, LedgerRow
from hadir.core.errors import LedgerUnavailable, StoreUnavailable
from hadir.core.evidence import History
from hadir.core.message import Message
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.memory import MemorySource
from hadir.pipeline.ports import VerdictLedger
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS
from hadir.pipeline.watermarks import Watermarks
from tests.pipeline.world import START_MS, KeptPhotos, World, a_check_in, check_in_message


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


def outbox(world: World, topic: str) -> list[Message]:
    return [row.message for row in world.ledger.unpublished(10_000) if row.message.topic == topic]


def row(world: World, identity: str) -> LedgerRow:
    found = world.ledger.row(identity)
    assert found is not None
    return found


def test_every_check_in_gets_its_row_and_its_verdict_message(world: World) -> None:
    sent = [a_check_in(f"p-{n}") for n in range(50)]
    world.send(*map(check_in_message, sent))
    world.intake().run_until_idle()
    assert world.ledger.counts().rows == 50
    assert sorted(json.loads(m.value)["id"] for m in outbox(world, VERDICTS)) == sorted(c.id for c in sent)
    assert row(world, sent[0].id).outcome is Outcome.ACCEPTED


def test_the_ledgers_position_is_the_end_of_the_log(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(30)))
    world.intake().run_until_idle()
    ends = {p: world.log.end(CHECK_INS, p) for p in world.log.partitions(CHECK_INS)}
    assert world.ledger.positions(CHECK_INS) == {p: end for p, end in ends.items() if end}
    assert world.log.committed(CHECK_INS, "hadir") == world.ledger.positions(CHECK_INS)


def test_the_same_again_is_answered_with_its_first_verdict(world: World) -> None:
    message = check_in_message(a_check_in())
    world.send(message, message)
    world.intake().run_until_idle()
    world.send(message)
    world.intake().run_until_idle()
    verdicts = outbox(world, VERDICTS)
    assert world.ledger.counts().rows == 1
    assert len(verdicts) == 3
    assert len({m.value for m in verdicts}) == 1
    assert sum(w.duplicates for w in world.seen.written) == 2


def test_other_content_under_the_same_id_is_a_dead_letter_and_a_security_event(world: World) -> None:
    first = a_check_in()
    second = a_check_in(photos=(b"good other",), identity=first.id)
    world.send(check_in_message(first), check_in_message(second))
    world.intake().run_until_idle()
    [letter] = outbox(world, DEAD_LETTERS)
    assert dict(letter.headers)["code"] == b"id_conflict"
    assert letter.value == check_in_message(second).value
    assert [w.security_events for w in world.seen.written if w.security_events] == [("id_conflict",)]
    assert world.ledger.counts().rows == 1


def test_after_erasure_a_repeat_counts_as_the_same(world: World) -> None:
    first = a_check_in()
    world.send(check_in_message(first))
    world.intake().run_until_idle()
    world.ledger.erase_evidence([first.id], START_MS)
    world.send(check_in_message(a_check_in(photos=(b"good other",), identity=first.id)))
    world.intake().run_until_idle()
    assert outbox(world, DEAD_LETTERS) == []
    assert sum(w.duplicates for w in world.seen.written) == 1


def test_undecodable_bytes_are_a_dead_letter_with_the_original_bytes(world: World) -> None:
    world.send(Message(CHECK_INS, b"p-1", b"not a check-in"))
    world.intake().run_until_idle()
    [letter] = outbox(world, DEAD_LETTERS)
    assert (letter.key, letter.value) == (b"p-1", b"not a check-in")
    headers = dict(letter.headers)
    assert headers["code"] == b"undecodable"
    assert headers["source_topic"] == CHECK_INS.encode()
    assert headers["offset"] == b"0"
    assert world.ledger.counts().rows == 0


def test_a_photo_that_kills_its_worker_is_a_case_and_a_dead_letter_alone(world: World) -> None:
    poison = a_check_in("p-1", (b"crash",))
    others = [a_check_in(f"p-{n}") for n in range(2, 12)]
    world.send(*map(check_in_message, [*others[:5], poison, *others[5:]]))
    world.intake().run_until_idle()
    found = row(world, poison.id)
    assert (found.outcome, found.case) == (Outcome.REVIEW, True)
    assert Reason.PROCESSING_FAILED in found.reasons
    [letter] = outbox(world, DEAD_LETTERS)
    assert dict(letter.headers)["attempts"] == b"3"
    assert all(row(world, other.id).outcome is Outcome.ACCEPTED for other in others)


def test_an_invalid_field_is_a_rejected_row_that_names_it(world: World) -> None:
    check_in = a_check_in()
    world.send(Message(CHECK_INS, b"somebody else", check_in_message(check_in).value))
    world.intake().run_until_idle()
    found = row(world, check_in.id)
    assert (found.outcome, found.reasons, found.field) == (Outcome.REJECTED, (Reason.INVALID_FIELD,), "key")


def test_the_third_mismatch_of_one_batch_is_a_case(world: World) -> None:
    tries = [a_check_in(photos=(b"bad",)) for _ in range(3)]
    world.send(*map(check_in_message, tries))
    world.intake().run_until_idle()
    assert [row(world, one.id).outcome for one in tries] == [Outcome.REJECTED, Outcome.REJECTED, Outcome.REVIEW]


def test_mismatches_count_across_restarts(world: World) -> None:
    tries = [a_check_in(photos=(b"bad",)) for _ in range(3)]
    for one in tries:
        world.send(check_in_message(one))
        world.intake().run_until_idle()
    assert row(world, tries[2].id).outcome is Outcome.REVIEW


def test_a_second_accepted_check_in_is_marked_repeated(world: World) -> None:
    first, second = a_check_in(), a_check_in()
    world.send(check_in_message(first), check_in_message(second))
    world.intake().run_until_idle()
    assert Reason.REPEATED not in row(world, first.id).reasons
    assert Reason.REPEATED in row(world, second.id).reasons


def test_photos_of_cases_alone_are_kept(world: World) -> None:
    world.send(*(check_in_message(a_check_in(photos=(photo,))) for photo in (b"good", b"bad", b"bad", b"bad case")))
    world.intake().run_until_idle()
    assert isinstance(world.photos, KeptPhotos)
    assert world.photos.kept == [b"bad case"]


class Failing:
    """A ledger that fails a number of writes, before or after they are durable."""

    def __init__(self, ledger: VerdictLedger, before: int = 0, after: int = 0) -> None:
        self._ledger = ledger
        self._before = before
        self._after = after

    def positions(self, topic: str) -> dict[int, int]:
        return self._ledger.positions(topic)

    def known(self, ids: Collection[str]) -> dict[str, LedgerRow]:
        return self._ledger.known(ids)

    def history(self, keys: Collection[HistoryKey]) -> dict[HistoryKey, History]:
        return self._ledger.history(keys)

    def write(self, batch: LedgerBatch) -> None:
        if self._before:
            self._before -= 1
            raise LedgerUnavailable("down")
        self._ledger.write(batch)
        if self._after:
            self._after -= 1
            raise LedgerUnavailable("the answer to COMMIT was lost")


def test_an_outage_of_the_ledger_is_waited_for_and_never_a_dead_letter(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(20)))
    world.decide(world.intake(ledger=Failing(world.ledger, before=5)), 20)
    assert world.seen.retries[:5] == [("ledger", "ledger_unavailable")] * 5
    assert outbox(world, DEAD_LETTERS) == []


def test_a_lost_answer_to_commit_doubles_nothing(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(20)))
    world.decide(world.intake(ledger=Failing(world.ledger, after=2)), 20)
    assert ("position", "position_conflict") in world.seen.retries
    assert len(outbox(world, VERDICTS)) == 20


class StoreDownTwice(KeptPhotos):
    """Refuses two calls."""

    def keep(self, photos: Sequence[bytes]) -> tuple[str, ...]:
        self.kept += photos
        if len(self.kept) <= 2:
            raise StoreUnavailable("down")
        return tuple("0" * 64 for _ in photos)


def test_a_photo_store_that_does_not_answer_is_waited_for(world: World) -> None:
    tries = [a_check_in(photos=(b"bad",)) for _ in range(3)]
    world.send(*map(check_in_message, tries))
    world.photos = StoreDownTwice()
    world.decide(world.intake(ledger=world.ledger), 3)
    assert ("photos", "store_unavailable") in world.seen.retries


def test_a_member_that_comes_late_takes_over_without_loss_or_repetition(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(40)))
    first, second = world.intake(), world.intake()
    first.start()
    first.step()
    second.start()
    for _ in range(10_000):
        first.step()
        second.step()
        if world.ledger.counts().rows == 40:
            break
    for intake in (first, second):
        intake.stop()
        intake.run()
    assert len(outbox(world, VERDICTS)) == world.ledger.counts().rows == 40


def test_a_stop_finishes_what_is_in_hand(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(10)))
    intake = world.intake(source=MemorySource(world.log, CHECK_INS))
    intake.start()
    intake.step()
    intake.stop()
    intake.run()
    assert world.ledger.counts().rows == 10


def test_fetching_resumes_by_itself_when_little_is_in_hand(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(40)))
    narrow = IntakeLimits(watermarks=Watermarks(high_records=4, low_records=0, take_records=4))
    world.intake(limits=narrow).run_until_idle()
    assert world.ledger.counts().rows == 40


class SilentAtFirst(Failing):
    """Does not answer the source's question for positions, but the writer's."""

    asked = 0

    def positions(self, topic: str) -> dict[int, int]:
        self.asked += 1
        if self.asked == 1:
            raise LedgerUnavailable("down")
        return super().positions(topic)


def test_what_the_ledger_has_decided_is_not_even_a_duplicate(world: World) -> None:
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(10)))
    world.intake().run_until_idle()
    source = MemorySource(world.log, CHECK_INS, "a group that has committed nothing")
    world.intake(ledger=SilentAtFirst(world.ledger), source=source).run_until_idle()
    assert world.seen.received == 20
    assert sum(w.duplicates for w in world.seen.written) == 0
    assert len(outbox(world, VERDICTS)) == 10


def test_a_partition_that_comes_back_waits_until_its_loss_was_heard(world: World) -> None:
    first, second = MemorySource(world.log, CHECK_INS), MemorySource(world.log, CHECK_INS)
    world.send(*(check_in_message(a_check_in(f"p-{n}")) for n in range(40)))
    first.start(lambda: None, lambda _: {})
    first.take(100)
    second.start(lambda: None, lambda _: {})
    second.close()
    assert first.take(100) == []
    assert first.lost() == {1, 3}
    assert {record.partition for record in first.take(100)} == {1, 3}
