"""A small world for the pipeline's tests: people, check-ins, cheap rules and a stage that looks at no faces."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hadir.attendance.duty import Duty
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_row import HistoryKey
from hadir.attendance.policy import Policy
from hadir.core.check_in import Channel, CheckIn, Direction, Fix, Received
from hadir.core.clock import Clock, ManualClock
from hadir.core.evidence import (
    AppliedThreshold,
    Candidate,
    Evidence,
    FaceFinding,
    History,
    ImpostorCount,
    PhotoFinding,
    Place,
    ShiftWindow,
)
from hadir.core.message import Message
from hadir.pipeline.codec import encode_check_in
from hadir.pipeline.inline import InlinePool
from hadir.pipeline.judge import Judge, PhotoStore, SeenBefore, Stamp
from hadir.pipeline.limits import IntakeLimits
from hadir.pipeline.memory import MemoryLog, MemorySource
from hadir.pipeline.observer import InHand, Observer, Written
from hadir.pipeline.ports import FaceJob, Pool, Source, VerdictLedger
from hadir.pipeline.run import Intake
from hadir.pipeline.topics import CHECK_INS

__all__ = [
    "POLICY",
    "STAMP",
    "START_MS",
    "KeptPhotos",
    "PhotoStage",
    "PlainRules",
    "Seen",
    "World",
    "a_check_in",
    "check_in_message",
]

START_MS = 1_790_000_000_000
POLICY = Policy("test", "1", date(2026, 1, 1))
STAMP = Stamp("snapshot-1", "space-1")


def a_check_in(person: str = "p-1", photos: tuple[bytes, ...] = (b"good",), identity: str | None = None) -> CheckIn:
    """A face check-in of now, inside the fence."""
    fix = Fix(-8.17, 113.7, 10.0, False)
    return CheckIn(
        identity or str(uuid.uuid4()), person, Direction.IN, Channel.FACE, START_MS, fix, photos, device_id="d-1"
    )


def check_in_message(check_in: CheckIn, topic: str = CHECK_INS) -> Message:
    """As a client sends it."""
    return Message(topic, check_in.person.encode(), encode_check_in(check_in))


@dataclass(frozen=True, slots=True)
class PhotoStage:
    """Similarity from the photo's own bytes: `good` passes, `bad` fails, `crash` kills the worker."""

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        if any(photo.startswith(b"crash") for job in jobs for photo in job.photos):
            raise RuntimeError("a marked photo")
        return [self._finding(job) for job in jobs]

    @staticmethod
    def _finding(job: FaceJob) -> FaceFinding:
        similarity = 0.1 if job.photos[0].startswith(b"bad") else 0.9
        photos = tuple(PhotoFinding(None) for _ in job.photos)
        claimed = Candidate(job.person, similarity, 3)
        agreement = 1.0 if len(photos) > 1 else None
        strangers = ImpostorCount(compared=100, reached={"1e-3": 2 if similarity < 0.5 else 1})
        return FaceFinding(photos, len(photos), agreement, True, claimed, (), None, "space-1", "snapshot-1", strangers)


class PlainRules:
    """Everybody is on the roster, inside their site and on time."""

    def duty(self, received: Received) -> Duty | None:
        check_in, shift = received.check_in, ShiftWindow("u/2026-09-21/a", 0)
        if check_in is None:
            return None
        return Duty("u", shift.key, shift, HistoryKey(check_in.person, check_in.direction.value, shift.key))

    def evidence(
        self,
        received: Received,
        duty: Duty | None,  # noqa: ARG002 - everybody's is the same
        face: FaceFinding | None,
        failed_attempts: int,
        history: History,
    ) -> Evidence:
        threshold = AppliedThreshold(1e-3, "1/3", 0.5, "snapshot")
        return Evidence(
            received.received_at_ms,
            True,
            face,
            failed_attempts,
            accept=threshold,
            review=threshold,
            agree=threshold,
            place=Place("office", 10.0, 100.0),
            shift=ShiftWindow("u/2026-09-21/a", 0),
            shift_key="u/2026-09-21/a",
            history=history,
        )


@dataclass(slots=True)
class KeptPhotos:
    """Remembers what was kept."""

    kept: list[bytes] = field(default_factory=list)

    def keep(self, photos: Sequence[bytes]) -> tuple[str, ...]:
        self.kept += photos
        return tuple(f"{len(photo):064x}" for photo in photos)


@dataclass(slots=True)
class Seen:
    """An observer that remembers."""

    received: int = 0
    batches: list[int] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)
    retries: list[tuple[str, str]] = field(default_factory=list)
    in_hand: InHand = field(default_factory=lambda: InHand(0, 0, None))

    def on_received(self, records: int) -> None:
        self.received += records

    def on_batch(self, photos: int, limit: int) -> None:
        assert photos <= limit
        self.batches.append(photos)

    def on_written(self, written: Written) -> None:
        self.written.append(written)

    def on_in_hand(self, in_hand: InHand) -> None:
        self.in_hand = in_hand

    def on_retry(self, part: str, code: str) -> None:
        self.retries.append((part, code))


class World:
    """A memory log, an SQLite ledger, and intakes that come and go."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.clock = clock if clock is not None else ManualClock(START_MS)
        self.log = MemoryLog(self.clock)
        self.ledger = Ledger.open(f"sqlite:///{folder / 'ledger.db'}")
        self.photos: PhotoStore = KeptPhotos()
        self.seen = Seen()
        self.seen_before: SeenBefore | None = None

    def send(self, *messages: Message) -> None:
        """Put records on the log."""
        for message in messages:
            self.log.append(message)

    def intake(
        self,
        ledger: VerdictLedger | None = None,
        source: Source | None = None,
        pool: Pool | None = None,
        limits: IntakeLimits | None = None,
        observer: Observer | None = None,
    ) -> Intake:
        """A fresh process."""
        ledger = ledger if ledger is not None else self.ledger
        return Intake(
            source if source is not None else MemorySource(self.log, CHECK_INS),
            pool if pool is not None else InlinePool(PhotoStage),
            ledger,
            Judge(
                ledger,
                PlainRules(),
                self.photos,
                policy=POLICY,
                stamp=STAMP,
                topic=CHECK_INS,
                clock=self.clock,
                seen_before=self.seen_before,
            ),
            topic=CHECK_INS,
            clock=self.clock,
            observer=observer if observer is not None else self.seen,
            limits=limits if limits is not None else IntakeLimits(),
        )

    def decide(self, intake: Intake, rows: int) -> None:
        """Drive a loop by hand, on a clock that moves whenever it would wait, until so many rows are there; end it."""
        assert isinstance(self.clock, ManualClock)
        intake.start()
        for _ in range(100_000):
            if not intake.step():
                self.clock.advance(1.0)
            if self.ledger.counts().rows == rows and self.seen.in_hand.records == 0:
                break
        intake.stop()
        intake.run()
        assert self.ledger.counts().rows == rows
