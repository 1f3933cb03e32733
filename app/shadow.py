"""Letting a candidate decide live check-ins beside the snapshot that serves: it writes nothing and publishes nothing.

A shadow listens to the check-in topic on its own, without a group, from now on; decides what it hears with the
candidate; waits until the ledger has the real verdicts of the same ids; and compares. What both judge differs in the
face alone: roster, sites and shift are looked up anew, history and replays are those of the real verdict.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hadir.app.shadow_report import Judged, ShadowReport
from hadir.app.wiring import Serving, assembler, kafka_cluster, policy_of, serving_of
from hadir.attendance.assemble import Assembler
from hadir.attendance.decide import decide
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_row import LedgerRow
from hadir.attendance.policy import Policy
from hadir.attendance.yardsticks import Yardsticks
from hadir.core.check_in import Channel, CheckIn, Received
from hadir.core.clock import Clock, SystemClock
from hadir.core.errors import InputError, Undecodable
from hadir.core.evidence import AppliedThreshold, Candidate, FaceFinding, History, Replay
from hadir.core.low_priority import in_background
from hadir.core.settings import Settings
from hadir.index.pointers import read_pointers, snapshot_folder
from hadir.pipeline.codec import decode
from hadir.pipeline.kafka_tail import KafkaTail
from hadir.pipeline.ports import FaceJob, Record, Stage
from hadir.pipeline.topics import CHECK_INS

__all__ = ["Heard", "ShadowOptions", "in_sample", "run_shadow"]

_ASK_EVERY_S = 0.25


class Heard(Protocol):
    """What is written to a topic from now on: see `KafkaTail.follow` and `MemoryLog.follow`."""

    def follow(self, topic: str, stop: Callable[[], bool], *, ready: Callable[[], None] = ...) -> Iterator[Record]: ...


@dataclass(frozen=True, slots=True)
class ShadowOptions:
    """`sample` is the share of check-ins that the candidate is asked about, so that it costs little. `listen_s` is how
    long to listen at most, `patience_s` how long to wait afterwards for the last real verdict."""

    sample: float = 1.0
    listen_s: float = 600.0
    patience_s: float = 60.0


def run_shadow(
    settings: Settings,
    snapshot_id: str,
    check_ins: int,
    options: ShadowOptions = ShadowOptions(),
    *,
    log: Heard | None = None,
    topic: str = CHECK_INS,
    clock: Clock | None = None,
    ready: Callable[[], None] = lambda: None,
    told: Callable[[int], None] = lambda _: None,
) -> ShadowReport:
    """Decide up to `check_ins` live ones with this snapshot, at a lower priority, and compare.

    Args:
        log: Where check-ins are heard; the settings' Kafka where it is None.
        ready: Called when nothing written after it can be missed.
        told: Called with the number of check-ins that the candidate has decided so far.

    Raises:
        InputError: the settings name no log that others write to, or no ledger.
        PackError, SnapshotError, SpaceMismatch, CalibrationError: the candidate cannot serve.
        StreamError, LedgerUnavailable: log or ledger cannot be read.
    """
    if log is None and settings.run.broker != "kafka":
        raise InputError('a shadow hears live check-ins, and broker "memory" has none of others: set [run] broker')
    heard = log if log is not None else KafkaTail(kafka_cluster(settings))
    clock = clock or SystemClock()
    root = Path(settings.stores.snapshots)
    with closing(Ledger.open(settings.ledger.url, migrate=False)) as ledger:
        candidate = serving_of(settings, snapshot_folder(root, snapshot_id))
        shadow = _Shadow(settings, candidate, clock)
        listener = _Listener(shadow, check_ins, options, clock, told)
        in_background(lambda: listener.listen(heard, topic, ready), "hadir-shadow").result()
        rows = _decided(ledger, set(listener.found), options.patience_s, clock)
        verdicts = {
            one: shadow.compare(*listener.found[one], row, ledger.evidence(one) or {}) for one, row in rows.items()
        }
    serving = read_pointers(root).current
    undecided = len(listener.found) - len(rows)
    return ShadowReport(snapshot_id, serving, verdicts, undecided, listener.passed_over)


class _Shadow:
    """The candidate and the rules."""

    def __init__(self, settings: Settings, candidate: Serving, clock: Clock) -> None:
        self._policy: Policy = policy_of(settings)
        yardsticks = Yardsticks(self._policy)
        yardsticks.register(candidate.snapshot.manifest.id, candidate.yardstick)
        self._rules: Assembler = assembler(settings, self._policy, yardsticks, clock.now_ms())
        self._stage: Stage = candidate.stage()

    def look(self, check_in: CheckIn) -> FaceFinding:
        """What the candidate finds."""
        [finding] = self._stage.process([FaceJob(0, check_in.person, check_in.photos)])
        return finding

    def compare(
        self, received: Received, finding: FaceFinding, row: LedgerRow, body: Mapping[str, Any]
    ) -> tuple[Judged, Judged]:
        """The verdict that was given, and the one that the candidate would have given."""
        history = body.get("history") or {}
        before = History(history.get("mismatches", 0), history.get("accepted", False))
        evidence = self._rules.evidence(received, self._rules.duty(received), finding, 0, before)
        evidence = replace(evidence, replays=tuple(Replay(**one) for one in body.get("replays") or ()))
        evidence = replace(evidence, replays=tuple(Replay(**one) for one in body.get("replays") or ()))
        verdict = decide(received, evidence, self._policy)
        reasons = tuple(reason.value for reason in verdict.reasons)
        would = Judged(verdict.outcome.value, reasons, _above(finding.claimed, evidence.accept))
        was = Judged(row.outcome.value, tuple(reason.value for reason in row.reasons), _above_of(body))
        return was, would


class _Listener:
    """Hears until it has enough, or for long enough."""

    def __init__(
        self, shadow: _Shadow, enough: int, options: ShadowOptions, clock: Clock, told: Callable[[int], None]
    ) -> None:
        self._shadow, self._enough, self._options, self._clock, self._told = shadow, enough, options, clock, told
        self._until_s = clock.monotonic_s() + options.listen_s
        self.found: dict[str, tuple[Received, FaceFinding]] = {}
        self.passed_over = 0

    def listen(self, log: Heard, topic: str, ready: Callable[[], None]) -> None:
        for record in log.follow(topic, self._done, ready=ready):
            if self._done():
                break
            self._hear(record)

    def _done(self) -> bool:
        return len(self.found) >= self._enough or self._clock.monotonic_s() >= self._until_s

    def _hear(self, record: Record) -> None:
        try:
            received = decode(record)
        except Undecodable:
            self.passed_over += 1
            return
        check_in = received.check_in
        if check_in is None or check_in.channel is not Channel.FACE or not in_sample(received.id, self._options.sample):
            self.passed_over += 1
        elif received.id not in self.found:
            self.found[received.id] = received, self._shadow.look(check_in)
            self._told(len(self.found))


def in_sample(check_in_id: str, share: float) -> bool:
    """By the id alone, so that a repetition is drawn or not as its first was."""
    return uuid.UUID(check_in_id).int % 1_000_003 < share * 1_000_003


def _decided(ledger: Ledger, ids: set[str], patience_s: float, clock: Clock) -> dict[str, LedgerRow]:
    """Their rows of revision 0, waited for."""
    until_s, pause = clock.monotonic_s() + patience_s, threading.Event()
    while len(rows := ledger.known(ids)) < len(ids) and clock.monotonic_s() < until_s:
        pause.wait(_ASK_EVERY_S)
    return rows


def _above(claimed: Candidate | None, accept: AppliedThreshold | None) -> float | None:
    if claimed is None or accept is None or accept.similarity is None:
        return None
    score = claimed.normalised if accept.scale == "as-norm" else claimed.similarity
    return None if score is None else score - accept.similarity


def _above_of(body: Mapping[str, Any]) -> float | None:
    """The same of a verdict that was kept; None after erasure."""
    claimed, accept = (body.get("face") or {}).get("claimed"), (body.get("thresholds") or {}).get("accept")
    if claimed is None or accept is None or accept.get("similarity") is None:
        return None
    score = claimed.get("normalised") if accept.get("scale") == "as-norm" else claimed["similarity"]
    return None if score is None else float(score) - float(accept["similarity"])
