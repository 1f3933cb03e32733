"""Photos that come again, through the ledger's database: what is found, what is durable, what is forgotten."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import LedgerBatch, RememberedPhoto
from hadir.attendance.ledger_database import Database
from hadir.attendance.ledger_photos import LedgerPhotos, StoredPhoto
from hadir.attendance.migrate import migrate
from hadir.attendance.photo_memory import FORGET_EVERY_S, LATE_MS, PATIENCE_S, PhotoMemory
from hadir.attendance.photo_replay import Arrival, ReplayPolicy, SentPhoto
from hadir.core.clock import ManualClock
from hadir.core.errors import PositionConflict
from tests.attendance.ledger_examples import START_MS, batch_of, example_id, example_row

WINDOW_MS = 30 * 86_400_000
POLICY = ReplayPolicy(WINDOW_MS, 20, near_decides=True)


def a_photo(number: int, content: str, bits: int = 0, person: str = "", **changes: object) -> SentPhoto:
    """The only photo of check-in `number`; its face gives a mark of the content, with the last `bits` changed."""
    digest = hashlib.sha256(content.encode()).digest()
    mark = b"\1" + (int.from_bytes(digest, "big") ^ ((1 << bits) - 1)).to_bytes(32, "big")
    arrival = Arrival(START_MS + number * 1000, 0, number)
    bytes_of = hashlib.sha256(f"{content} {bits}".encode()).digest()
    photo = SentPhoto(example_id(number), 0, person or f"person-{number}", arrival, bytes_of, mark)
    return replace(photo, **changes)  # type: ignore[arg-type]  # any field of a photo


def a_batch(photos: Sequence[SentPhoto], expected: int | None = None, forget_ms: int | None = None) -> LedgerBatch:
    """The check-ins of these photos, decided."""
    rows = [example_row(one.arrival.offset) for one in photos]
    batch = batch_of(rows, expected={} if expected is None else {0: expected})
    kept = tuple(RememberedPhoto(one, replayed=False) for one in photos)
    return replace(batch, photos=kept, forget_photos_before_ms=forget_ms)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START_MS)


@pytest.fixture
def memory(ledger: Ledger, clock: ManualClock) -> PhotoMemory:
    return PhotoMemory(ledger.photos, POLICY, clock)


def found(memory: PhotoMemory, *photos: SentPhoto) -> list[tuple[str, bool, int] | None]:
    """For each photo what it repeats: of which check-in, exactly, by how many bits."""
    every = memory.replays([[one] for one in photos])
    return [(one[0].of, one[0].exact, one[0].distance_bits) if one else None for one in every]


def test_what_was_written_is_found_by_bytes_and_by_mark(ledger: Ledger, memory: PhotoMemory) -> None:
    ledger.write(a_batch([a_photo(1, "x"), a_photo(2, "y", mark=None)]))
    asked = a_photo(5, "x"), a_photo(6, "x", bits=7), a_photo(7, "y"), a_photo(8, "z")
    assert found(memory, *asked) == [
        (example_id(1), True, 0),
        (example_id(1), False, 7),
        (example_id(2), True, 0),
        None,
    ]


def test_a_process_that_starts_later_finds_the_same(ledger: Ledger, clock: ManualClock) -> None:
    ledger.write(a_batch([a_photo(1, "x"), a_photo(2, "y")]))
    memory = PhotoMemory(ledger.photos, POLICY, clock)
    memory.load()
    assert len(memory) == 2
    assert found(memory, a_photo(6, "y", bits=20), a_photo(7, "x", bits=21)) == [(example_id(2), False, 20), None]
    assert len(memory) == 2, "what was loaded is not read again"


def test_what_was_not_written_is_not_believed(ledger: Ledger, memory: PhotoMemory) -> None:
    ledger.write(a_batch([a_photo(1, "x")]))
    with pytest.raises(PositionConflict):
        ledger.write(a_batch([a_photo(12, "y")], expected=9))
    assert found(memory, a_photo(5, "y", bits=1), a_photo(6, "y")) == [None, (example_id(5), False, 1)]


def test_photos_of_one_batch_count_for_each_other_by_the_order_of_reception(memory: PhotoMemory) -> None:
    asked = a_photo(8, "x"), a_photo(4, "x"), a_photo(6, "x", bits=3)
    assert found(memory, *asked) == [(example_id(4), True, 0), None, (example_id(4), False, 3)]


def test_deciding_the_same_records_again_finds_the_same(ledger: Ledger, memory: PhotoMemory) -> None:
    """After a crash before the commit of offsets; and a later one in the ledger changes nothing for an earlier one."""
    photos = a_photo(1, "x"), a_photo(2, "x")
    first = found(memory, *photos)
    ledger.write(a_batch([a_photo(3, "x", bits=1)]))
    assert found(memory, *photos) == first == [None, (example_id(1), True, 0)]


def test_several_photos_of_one_check_in_are_each_compared(ledger: Ledger, memory: PhotoMemory) -> None:
    ledger.write(a_batch([a_photo(1, "x"), a_photo(2, "y", person="b")]))
    [replays] = memory.replays([[a_photo(5, "n", person="b"), replace(a_photo(5, "y", person="b"), number=1)]])
    assert [(one.photo, one.of, one.same_person) for one in replays] == [(1, example_id(2), True)]
    assert memory.replays([[], [a_photo(6, "m")]]) == [(), ()]


def test_another_replica_is_followed(ledger: Ledger, memory: PhotoMemory) -> None:
    for number in range(1, 40):
        ledger.write(a_batch([a_photo(number, f"x-{number}")], expected=number if number > 1 else None))
        assert found(memory, a_photo(number + 100, f"x-{number}", bits=2)) == [(example_id(number), False, 2)]
    assert len(memory) == 39


def test_photos_leave_with_the_evidence_of_their_check_in(ledger: Ledger, memory: PhotoMemory) -> None:
    ledger.write(a_batch([a_photo(1, "x"), a_photo(2, "y")]))
    assert found(memory, a_photo(5, "x", bits=1)) == [(example_id(1), False, 1)]
    ledger.erase_evidence([example_id(1)], START_MS)
    assert found(memory, a_photo(5, "x", bits=1), a_photo(6, "x")) == [None, (example_id(5), False, 1)]
    assert [one.photo.check_in_id for one in ledger.photos.all(0)] == [example_id(2)]


def test_what_leaves_the_window_is_deleted_from_ledger_and_memory(
    ledger: Ledger, memory: PhotoMemory, clock: ManualClock
) -> None:
    ledger.write(a_batch([a_photo(1, "x"), a_photo(2, "y")]))
    assert found(memory, a_photo(3, "n")) == [None]
    assert memory.forget_before_ms() == START_MS - WINDOW_MS - LATE_MS
    assert memory.forget_before_ms() is None, "once a minute is enough"
    clock.advance((WINDOW_MS + LATE_MS) / 1000 + 2)
    before_ms = memory.forget_before_ms()
    assert before_ms == START_MS + 2000
    assert len(memory) == 1
    ledger.write(a_batch([a_photo(4, "z")], expected=3, forget_ms=before_ms))
    assert [one.photo.check_in_id for one in ledger.photos.all(0)] == [example_id(2), example_id(4)]
    assert FORGET_EVERY_S == 60


def test_the_window_ends_where_the_policy_says(ledger: Ledger, memory: PhotoMemory) -> None:
    ledger.write(a_batch([a_photo(1, "x")]))
    late = a_photo(5, "x", arrival=Arrival(START_MS + 1000 + WINDOW_MS, 0, 5))
    assert found(memory, late) == [(example_id(1), True, 0)]
    assert found(memory, replace(late, arrival=Arrival(late.arrival.received_at_ms + 1, 0, 5))) == [None]


def plan_of_news(database: Database, explain: str) -> str:
    """How the database would answer, as it says it itself."""
    asked: list[tuple[str, Any]] = []
    event.listen(database._engine, "before_cursor_execute", lambda *given: asked.append((given[2], given[3])))
    LedgerPhotos(database).news(5, [3], [b"1", b"2"])
    query, parameters = asked[-1]
    with database.reading() as connection:
        return "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {query}", parameters))


def test_news_are_found_by_indexes(sqlite_url: str) -> None:
    """A scan of 660,000 rows before every batch would stop the stream."""
    database = Database(sqlite_url, create=True)
    migrate(database)
    plan = plan_of_news(database, "EXPLAIN QUERY PLAN").splitlines()
    database.close()
    assert "SCAN photo_marks" not in plan, plan
    assert len([step for step in plan if "photo_marks USING" in step]) == 3, plan


@pytest.mark.postgres
def test_news_are_found_by_indexes_in_a_table_that_postgres_knows_nothing_of(postgres_url: str) -> None:
    """A new ledger's first morning comes before its first ANALYZE."""
    database = Database(postgres_url, create=False)
    migrate(database)
    with database.writing() as connection:
        connection.execute(
            text(
                "INSERT INTO photo_marks (check_in_id, photo, person, received_at_ms, source_partition, source_offset,"
                " sha256, replayed) SELECT n, 0, n, n, 0, n, sha256(n::text::bytea), 0 FROM generate_series(1, 5000) n"
            )
        )
    plan = plan_of_news(database, "EXPLAIN")
    database.close()
    assert "Seq Scan" not in plan, plan


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    after=st.integers(0, 14),
    missing=st.sets(st.integers(1, 14)),
    digests=st.sets(st.sampled_from([a_photo(n, f"{n % 5}").sha256 for n in range(1, 13)])),
)
def test_news_are_what_came_after_what_was_missing_and_what_has_one_of_the_digests(
    ledger: Ledger, after: int, missing: set[int], digests: set[bytes]
) -> None:
    if not [*ledger.photos.all(0)]:
        ledger.write(a_batch([a_photo(n, f"{n % 5}") for n in range(1, 13)]))
    expected = NumberedLate([*ledger.photos.all(0)]).news(after, missing, digests)
    assert ledger.photos.news(after, missing, digests) == expected


@dataclass
class NumberedLate:
    """A ledger in which a number becomes visible after a higher one, as PostgreSQL's do where two replicas write."""

    rows: list[StoredPhoto]

    def all(self, since_ms: int) -> Iterator[StoredPhoto]:  # noqa: ARG002 - none is old
        return iter(self.rows)

    def news(self, after: int, missing: Collection[int], digests: Collection[bytes]) -> list[StoredPhoto]:
        return [one for one in self.rows if one.seq > after or one.seq in missing or one.photo.sha256 in digests]

    def named(self, seqs: Collection[int]) -> list[StoredPhoto]:
        return [one for one in self.rows if one.seq in seqs]


def stored(seq: int) -> StoredPhoto:
    return StoredPhoto(seq, a_photo(seq, f"x-{seq}"), replayed=False)


def test_a_number_that_was_passed_over_is_asked_for_again(clock: ManualClock) -> None:
    slow = NumberedLate([stored(1), stored(4)])
    memory = PhotoMemory(slow, POLICY, clock)
    memory.load()
    slow.rows.insert(1, stored(2))
    assert found(memory, a_photo(50, "x-2", bits=1)) == [(example_id(2), False, 1)]
    clock.advance(PATIENCE_S)
    slow.rows.insert(2, stored(3))
    assert found(memory, a_photo(50, "x-3", bits=1)) == [None], "its transaction cannot have lived that long"
    assert len(memory) == 3
