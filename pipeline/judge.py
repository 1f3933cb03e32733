"""From resolved records to one ledger transaction: who is known, what came before, what is decided."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from hadir.attendance.decide import decide
from hadir.attendance.duty import Duty
from hadir.attendance.evidence_record import evidence_body, ledger_row
from hadir.attendance.ledger_batch import Decision, RememberedPhoto, SecurityEvent
from hadir.attendance.ledger_history import extended
from hadir.attendance.ledger_row import HistoryKey, LedgerRow
from hadir.attendance.photo_replay import SentPhoto, sent_photos
from hadir.attendance.policy import Policy
from hadir.core.check_in import Received
from hadir.core.clock import Clock
from hadir.core.evidence import Evidence, FaceFinding, History, ImpostorCount, Replay
from hadir.core.message import Message
from hadir.core.verdict import Reason, Verdict
from hadir.pipeline.messages import dead_letter_message, verdict_message
from hadir.pipeline.ports import Record, VerdictLedger

__all__ = ["Judge", "Judged", "PhotoStore", "Rules", "SeenBefore", "SetAside", "Stamp", "Taken"]

_SECURITY_REASONS = frozenset({Reason.PHOTO_REPLAYED, Reason.REPEATED})
"""Each is a security event too: a photo, or a person, that has been there before."""


class Rules(Protocol):
    """`hadir.attendance.assemble.Assembler`, which says what both promise."""

    def duty(self, received: Received) -> Duty | None: ...

    def evidence(
        self,
        received: Received,
        duty: Duty | None,
        face: FaceFinding | None,
        failed_attempts: int,
        history: History,
    ) -> Evidence: ...


class PhotoStore(Protocol):
    """`hadir.pipeline.case_photos.CasePhotos`, which says what it promises."""

    def keep(self, photos: Sequence[bytes]) -> tuple[str, ...]: ...


class SeenBefore(Protocol):
    """`hadir.attendance.photo_memory.PhotoMemory`, which says what both promise."""

    def replays(self, check_ins: Sequence[Sequence[SentPhoto]]) -> list[tuple[Replay, ...]]: ...

    def forget_before_ms(self) -> int | None: ...


@dataclass(frozen=True, slots=True)
class Stamp:
    """What serves in this process; kept with every verdict that no face finding names itself for."""

    snapshot: str
    embedding_space: str


@dataclass(slots=True)
class Taken:
    """A record on its way from log to ledger. `received` is None where it is not decodable; `attempts` were made with
    its photos, and with no finding the crash budget is spent. `ticket` is what the workers know it by while they have
    it."""

    record: Record
    received: Received | None
    check_in_id: str | None = None
    finding: FaceFinding | None = None
    attempts: int = 0
    ticket: int | None = None


@dataclass(frozen=True, slots=True)
class SetAside:
    """A dead letter: why, the id where one could be read, and where its record is."""

    code: str
    check_in_id: str | None
    partition: int
    offset: int


@dataclass(slots=True)
class Judged:
    """What a transaction will hold, collected in order."""

    decisions: list[Decision] = field(default_factory=list)
    outbox: list[Message] = field(default_factory=list)
    security_events: list[SecurityEvent] = field(default_factory=list)
    dead_letters: list[SetAside] = field(default_factory=list)
    duplicates: int = 0
    impostors: list[ImpostorCount] = field(default_factory=list)
    photos: list[RememberedPhoto] = field(default_factory=list)
    forget_photos_before_ms: int | None = None
    replays: list[Replay] = field(default_factory=list)
    claimed: list[float] = field(default_factory=list)
    others: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Before:
    """What the ledger says about the records of one batch; `history` grows as they are decided."""

    history: dict[HistoryKey, History]
    photos: dict[str, tuple[SentPhoto, ...]]
    replays: dict[str, tuple[Replay, ...]]


class Judge:
    """Reads the ledger, never writes it. Deciding the same records again gives the same outcome."""

    def __init__(
        self,
        ledger: VerdictLedger,
        rules: Rules,
        photos: PhotoStore,
        *,
        policy: Policy,
        stamp: Stamp,
        topic: str,
        clock: Clock,
        seen_before: SeenBefore | None = None,
    ) -> None:
        """`seen_before` None: no photo is compared with earlier ones, or remembered."""
        self._seen_before = seen_before
        self._ledger = ledger
        self._rules = rules
        self._policy = policy
        self._stamp = stamp
        self._topic = topic
        self._clock = clock
        self._photos = photos

    def serve(self, stamp: Stamp) -> None:
        """Another snapshot serves from now on. Findings name their own, whichever that is."""
        self._stamp = stamp

    def judge(self, taken: Sequence[Taken]) -> Judged:
        """Decide records that stand in offset order per partition; photos of cases are kept before this returns.

        Raises:
            LedgerUnavailable, StoreUnavailable: nothing was decided; try again.
            SnapshotError: a finding's snapshot has no registered thresholds; nothing was decided, a restart mends it.
        """
        known = self._ledger.known({one.received.id for one in taken if one.received is not None})
        duties = [None if one.received is None else self._rules.duty(one.received) for one in taken]
        judged = Judged()
        photos, replays = self._compare([one for one in taken if one.received and one.received.id not in known], judged)
        before = _Before(self._ledger.history({duty.history for duty in duties if duty is not None}), photos, replays)
        for one, duty in zip(taken, duties, strict=True):
            if one.received is None:
                self._set_aside(judged, one, "undecodable")
            elif one.received.id in known:
                self._again(judged, one, one.received, known[one.received.id])
            else:
                row = self._new(judged, one, one.received, duty, before)
                known[row.id] = row
        return judged

    def _compare(
        self, new: Sequence[Taken], judged: Judged
    ) -> tuple[dict[str, tuple[SentPhoto, ...]], dict[str, tuple[Replay, ...]]]:
        """The photos of new check-ins, by id, and what of them was sent before."""
        if self._seen_before is None:
            return {}, {}
        photos: dict[str, tuple[SentPhoto, ...]] = {}
        for one in new:
            if one.received is not None:
                photos.setdefault(one.received.id, sent_photos(one.received, one.finding))
        replays = self._seen_before.replays(list(photos.values()))
        judged.forget_photos_before_ms = self._seen_before.forget_before_ms()
        return photos, dict(zip(photos, replays, strict=True))

    def _new(self, judged: Judged, one: Taken, received: Received, duty: Duty | None, before: _Before) -> LedgerRow:
        history = History() if duty is None else before.history.get(duty.history, History())
        failed = one.attempts if one.finding is None else 0
        evidence = self._rules.evidence(received, duty, one.finding, failed, history)
        if replays := before.replays.get(received.id):
            evidence = replace(evidence, replays=replays)
        verdict = decide(received, evidence, self._policy)
        if duty is not None:
            before.history[duty.history] = extended(history, verdict.outcome, verdict.reasons)
        row = ledger_row(
            received,
            evidence,
            verdict,
            decided_at_ms=self._clock.now_ms(),
            snapshot=self._stamp.snapshot,
            embedding_space=self._stamp.embedding_space,
            policy=self._policy.id,
        )
        judged.decisions.append(
            Decision(row, evidence_body(received, evidence, verdict, self._keep(received, verdict)))
        )
        judged.outbox.append(verdict_message(row))
        self._remember(judged, received, verdict, before)
        if one.finding is not None:
            _count(judged, one.finding)
        if failed:
            self._set_aside(judged, one, "processing_failed")
        return row

    def _remember(self, judged: Judged, received: Received, verdict: Verdict, before: _Before) -> None:
        replays = before.replays.get(received.id, ())
        again = {replay.photo for replay in replays}
        judged.photos += [RememberedPhoto(one, one.number in again) for one in before.photos.get(received.id, ())]
        judged.replays += replays
        judged.security_events += [
            SecurityEvent(self._clock.now_ms(), reason.value, received.id)
            for reason in verdict.reasons
            if reason in _SECURITY_REASONS
        ]

    def _keep(self, received: Received, verdict: Verdict) -> tuple[str, ...]:
        if verdict.case and received.check_in is not None:
            return self._photos.keep(received.check_in.photos)
        return received.photo_sha256

    def _again(self, judged: Judged, one: Taken, received: Received, first: LedgerRow) -> None:
        """The same content is answered with the first verdict; other content under the same id is set aside. After
        an erasure the content is not known any more, and a repeat counts as the same."""
        if first.content_sha256 in (None, received.content_sha256):
            judged.duplicates += 1
            judged.outbox.append(verdict_message(first))
        else:
            self._set_aside(judged, one, "id_conflict")
            judged.security_events.append(SecurityEvent(self._clock.now_ms(), "id_conflict", received.id))

    def _set_aside(self, judged: Judged, one: Taken, code: str) -> None:
        judged.dead_letters.append(SetAside(code, one.check_in_id, one.record.partition, one.record.offset))
        judged.outbox.append(dead_letter_message(one.record, self._topic, code, one.attempts, one.check_in_id))


def _count(judged: Judged, finding: FaceFinding) -> None:
    """For those who watch. Synthetic people are in no statistic."""
    if finding.impostors is not None:
        judged.impostors.append(finding.impostors)
    if finding.claimed is not None:
        judged.claimed.append(finding.claimed.similarity)
    for other in finding.others:
        if not other.synthetic:
            judged.others.append(other.similarity)
            break
