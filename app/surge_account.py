"""What became of a surge, by the ledger and the topics alone: right and wrong verdicts, and the seven invariants."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hadir.app.invariants import Found, InvariantResult, Sent, check_invariants
from hadir.app.surge import Played, Surge
from hadir.app.surge_plan import Due, content_of, make_check_in
from hadir.app.wiring import kafka_cluster, policy_of
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_export import export
from hadir.attendance.ledger_heads import read_heads
from hadir.core.check_in import CheckIn
from hadir.core.errors import InputError
from hadir.core.settings import Settings
from hadir.pipeline.kafka_reader import KafkaReader
from hadir.pipeline.log_reads import Stretch
from hadir.pipeline.ports import Record
from hadir.pipeline.topics import CHECK_INS, DEAD_LETTERS, VERDICTS

__all__ = ["Account", "Decided", "Marks", "Wrong", "account_for", "decided", "mark_topics", "require_a_log_of_its_own"]

_REST_S = 60.0
_LOOK_S = 0.2


@dataclass(frozen=True, slots=True)
class Marks:
    """Where the three topics ended before the first check-in of a surge: next offsets by topic and partition."""

    ends: Mapping[str, Mapping[int, int]]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A verdict that is none of those that were right."""

    id: str
    kind: str
    expected: str
    actual: str


@dataclass(frozen=True, slots=True)
class Account:
    """`verdicts` counts outcomes of the surge's own ids; `missing` were acknowledged by the log and have no row,
    `doubled` more than one."""

    rows: int
    verdicts: Counter[str]
    missing: Sequence[str]
    doubled: Sequence[str]
    wrong: Sequence[Wrong]
    invariants: Sequence[InvariantResult]

    @property
    def good(self) -> bool:
        """Nothing lost, doubled or wrong, and no invariant broken; one that nobody looked at is not broken."""
        faults = self.missing or self.doubled or self.wrong
        return not faults and all(one.holds is not False for one in self.invariants)


@dataclass(slots=True)
class Decided:
    """What the ledger says of a plan: rows of revision 0 by id, outcomes, verdicts that are none of the right ones, and
    the snapshots of all rows."""

    seen: Counter[str] = field(default_factory=Counter)
    verdicts: Counter[str] = field(default_factory=Counter)
    wrong: list[Wrong] = field(default_factory=list)
    snapshots: set[str] = field(default_factory=set)


def mark_topics(settings: Settings) -> Marks:
    """Before anything is sent. Raises StreamUnavailable, StreamError."""
    reader = KafkaReader(kafka_cluster(settings))
    topics = (CHECK_INS, VERDICTS, DEAD_LETTERS)
    return Marks({topic: {p: one.end for p, one in reader.bounds(topic).items()} for topic in topics})


def require_a_log_of_its_own(marks: Marks) -> None:
    """What a surge sends stays in the log, and a real pipeline that reads it later would decide it as real.

    Raises:
        InputError: the check-in topic has held a record before, real or of another rehearsal.
    """
    if records := sum(marks.ends[CHECK_INS].values()):
        raise InputError(
            f"topic {CHECK_INS} has held {records} records before: a surge wants a log that no real pipeline reads, "
            "with fresh topics; use a broker of the rehearsal's own, or delete its topics (docs/surge.md)"
        )


def account_for(
    surge: Surge,
    played: Played,
    ledger: Ledger,
    marks: Marks,
    *,
    beside: Iterable[CheckIn] = (),
    logs: Iterable[str] = (),
    private: Collection[str] = (),
) -> Account:
    """Wait until all is at rest, a minute at most, then count. `beside` are check-ins of the surge's own that are no
    part of its plan; `logs` and `private` as `Found` has them.

    Raises:
        LedgerUnavailable, StreamUnavailable: the ledger or the log cannot be read.
    """
    reader = KafkaReader(kafka_cluster(surge.settings))
    _await_rest(surge.settings, ledger, reader, marks)
    sent = {due.id: due for due in surge.plan if due.id in played.sent or due.id in played.unsure}
    rows = decided(ledger, sent)
    return Account(
        rows=rows.seen.total(),
        verdicts=rows.verdicts,
        missing=[one for one in played.sent if one not in rows.seen],
        doubled=[one for one, count in rows.seen.items() if count > 1],
        wrong=rows.wrong,
        invariants=check_invariants(
            _sent(surge, played, beside),
            Found(
                ledger=ledger,
                topic=CHECK_INS,
                policy=policy_of(surge.settings),
                snapshots=rows.snapshots,
                verdicts=_since(reader, VERDICTS, marks),
                dead_letters=_since(reader, DEAD_LETTERS, marks),
                committed=reader.committed(CHECK_INS, surge.settings.kafka.group),
                ends=_moved(reader, marks),
                heads=read_heads(Path(surge.settings.ledger.heads)),
                logs=logs,
                private=private,
            ),
        ),
    )


def _sent(surge: Surge, played: Played, beside: Iterable[CheckIn]) -> Sent:
    by_id = {due.id: due for due in surge.plan}

    def contents(made: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
        return {one: (content_of(make_check_in(by_id[one], surge.cast, at_ms)),) for one, at_ms in made.items()}

    canaries = {one.id: (content_of(one),) for one in beside}
    return Sent({**contents(played.sent), **canaries}, contents(played.unsure))


def decided(ledger: Ledger, sent: Mapping[str, Due]) -> Decided:
    """Walk over the whole ledger once. Raises LedgerUnavailable, LedgerTampered."""
    rows = Decided()
    for line in export(ledger):
        rows.snapshots.add(str(line["snapshot"]))
        due = sent.get(str(line["id"]))
        if due is None or line["revision"] != 0:
            continue
        outcome, reasons = str(line["outcome"]), [str(reason) for reason in line["reasons"]]  # type: ignore[attr-defined]  # a list
        rows.seen[due.id] += 1
        rows.verdicts[outcome] += 1
        if not due.is_right(outcome, reasons):
            expected = " or ".join(sorted(f"{right.value} {reason.value}" for right, reason in due.may_become))
            rows.wrong.append(Wrong(due.id, due.kind.value, expected, f"{outcome} {', '.join(reasons)}"))
    return rows


def _await_rest(settings: Settings, ledger: Ledger, reader: KafkaReader, marks: Marks) -> None:
    """What is heard on the verdict topic is committed and marked as published a moment later."""
    until_s, pause = time.monotonic() + _REST_S, threading.Event()
    while time.monotonic() < until_s:
        ends, committed = _moved(reader, marks), reader.committed(CHECK_INS, settings.kafka.group)
        if ledger.outbox_depth() == 0 and all(committed.get(p) == end for p, end in ends.items()):
            return
        pause.wait(_LOOK_S)


def _moved(reader: KafkaReader, marks: Marks) -> dict[int, int]:
    """The ends of those partitions of the check-in topic that anything came to: a fresh ledger knows no others."""
    before = marks.ends[CHECK_INS]
    return {p: one.end for p, one in reader.bounds(CHECK_INS).items() if one.end > before.get(p, 0)}


def _since(reader: KafkaReader, topic: str, marks: Marks) -> Iterable[Record]:
    stretches = [Stretch(p, marks.ends[topic].get(p, 0), one.end) for p, one in reader.bounds(topic).items()]
    return (record for records in reader.read(topic, stretches) for record in records)
