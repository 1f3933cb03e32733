"""A photo that comes again, from the log to verdict, security event and counter; every repetition by its own name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from hadir.attendance.ledger_export import export
from hadir.attendance.photo_memory import PhotoMemory
from hadir.attendance.photo_replay import ReplayPolicy
from hadir.core.check_in import CheckIn
from hadir.core.clock import ManualClock
from hadir.core.evidence import FaceFinding, PhotoFinding
from hadir.core.verdict import Outcome, Reason
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.ports import FaceJob
from hadir.pipeline.prometheus import StreamMetrics
from tests.pipeline.world import KeptPhotos, PhotoStage, World, a_check_in, check_in_message

REVIEWED = (Outcome.REVIEW, (Reason.PHOTO_REPLAYED,))
ACCEPTED = (Outcome.ACCEPTED, (Reason.OK,))
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class MarkedStage:
    """As `PhotoStage`; a photo that ends in `#n` has a mark with n bits set."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        found = PhotoStage().process(jobs)
        return [
            replace(one, photos=tuple(PhotoFinding(None, mark=_mark(photo)) for photo in job.photos))
            for one, job in zip(found, jobs, strict=True)
        ]


def _mark(photo: bytes) -> bytes | None:
    _, marked, bits = photo.partition(b"#")
    return b"\1" + ((1 << int(bits)) - 1).to_bytes(32, "big") if marked else None


Verdict = tuple[Outcome, tuple[Reason, ...]]
Decide = Callable[..., Verdict]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    yield world
    world.ledger.close()


@pytest.fixture
def decide(world: World) -> Decide:
    """Send one check-in a second after the one before to a process of its own, and return its verdict."""

    def run(check_in: CheckIn, near_decides: bool = True) -> Verdict:
        assert isinstance(world.clock, ManualClock)
        world.clock.advance(1)
        memory = PhotoMemory(world.ledger.photos, ReplayPolicy(30 * DAY_MS, 20, near_decides), world.clock)
        memory.load()
        world.seen_before = memory
        world.send(check_in_message(check_in))
        world.intake(pool=InlinePool(MarkedStage)).run_until_idle()
        row = world.ledger.row(check_in.id)
        assert row is not None
        return row.outcome, row.reasons

    return run


def test_the_same_bytes_under_two_ids_send_the_second_to_a_human(decide: Decide, world: World) -> None:
    first, again, other = a_check_in(photos=(b"a",)), a_check_in(photos=(b"a",)), a_check_in("p-2", photos=(b"a",))
    assert decide(first) == ACCEPTED
    assert decide(again) == (Outcome.REVIEW, (Reason.PHOTO_REPLAYED, Reason.REPEATED))
    assert decide(other) == REVIEWED
    told = [w.security_events for w in world.seen.written]
    assert told == [(), ("photo_replayed", "repeated"), ("photo_replayed",)]
    body: Any = world.ledger.evidence(other.id)
    assert [(one["of"], one["exact"], one["same_person"]) for one in body["replays"]] == [(first.id, True, False)]
    assert body["photos"][0].keys() == {"code", "face", "sha256"}, "the mark is not evidence"


def test_a_near_copy_goes_to_a_human_or_is_only_recorded(decide: Decide, world: World) -> None:
    copies = [a_check_in(f"p-{bits}", photos=(f"x#{bits}".encode(),)) for bits in (0, 20, 200)]
    assert [decide(one) for one in copies] == [ACCEPTED, REVIEWED, ACCEPTED]
    recorded = a_check_in("p-9", photos=(b"x#3",))
    assert decide(recorded, near_decides=False) == ACCEPTED
    body = world.ledger.evidence(recorded.id)
    assert body is not None
    assert body["replays"]


def test_every_kind_of_repetition_has_its_own_name(decide: Decide, world: World) -> None:
    """The same again, another content under the same id, the same person again, the same photo again."""
    first = a_check_in(photos=(b"a",))
    decide(first)
    decide(first)
    decide(replace(first, photos=(b"b",)))
    assert decide(a_check_in(photos=(b"c",))) == (Outcome.ACCEPTED, (Reason.OK, Reason.REPEATED))
    assert decide(a_check_in("p-2", photos=(b"c",))) == REVIEWED
    written = world.seen.written
    assert [w.duplicates for w in written] == [0, 1, 0, 0, 0]
    assert [w.dead_letters for w in written] == [(), (), ("id_conflict",), (), ()]
    assert [w.security_events for w in written] == [
        (),
        (),
        ("id_conflict",),
        ("repeated",),
        ("photo_replayed",),
    ]
    assert [[one.exact for one in w.replays] for w in written] == [[], [], [], [], [True]]
    metrics = StreamMetrics(ManualClock())
    for one in written:
        metrics.on_written(one)

    def count(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert count("hadir_duplicates_total") == 1
    assert count("hadir_dead_letters_total", code="id_conflict") == 1
    assert count("hadir_security_events_total", code="id_conflict") == 1
    assert count("hadir_security_events_total", code="photo_replayed") == 1
    assert count("hadir_photo_replays_total", match="exact", person="other") == 1
    assert count("hadir_photo_replays_total", match="near", person="same") == 0
    assert len(list(export(world.ledger))) == 3


def test_the_photos_of_a_replay_are_kept_as_of_every_case(decide: Decide, world: World) -> None:
    for person in ("p-1", "p-2"):
        decide(a_check_in(person, photos=(b"a",)))
    assert isinstance(world.photos, KeptPhotos)
    assert world.photos.kept == [b"a"]


def test_one_batch_with_copies_flags_all_but_the_first_received(world: World, decide: Decide) -> None:
    decide(a_check_in("p-0", photos=(b"other",)))
    world.send(*(check_in_message(a_check_in(f"p-{n}", photos=(b"a",))) for n in range(20)))
    world.intake(pool=InlinePool(MarkedStage)).run_until_idle()
    rows = [row for written in world.seen.written[1:] for row in written.rows]
    first = min(rows, key=lambda row: (row.received_at_ms, row.partition, row.offset))
    assert {row.id for row in rows if row.outcome is Outcome.ACCEPTED} == {first.id}
    assert len(rows) == 20
