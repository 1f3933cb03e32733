"""The seven invariants: what must hold of log, ledger and topics when everything that was sent has come to rest.

    1  Everyone received got exactly one verdict; what bears no verdict is a dead letter; nothing appeared by itself.
    2  The verdict topic tells of the ledger's ids and of no others, each time with the same bytes; dead letters hold
       what cannot be decoded, other content under a used id, and photos that spent their crash budget. Nothing else.
    3  Ledger, verdict topic and export say the same about every check-in.
    4  The group has committed to the end of every partition, the ledger stands there too, and the outbox is empty.
    5  At every commit, online: nothing below the committed offset was undecided (`hadir.app.commit_watch`).
    6  No row was accepted without the proof that the policy asks for (`hadir.app.accepted_proof`).
    7  Every chain verifies, against published heads too, and the logs hold nothing personal.

The first four hold at rest only: ask once nothing is sent and nothing is in hand any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hadir.app.remains import (
    Letters,
    Line,
    Rows,
    Verdicts,
    facts_of,
    read_letters,
    read_rows,
    read_verdicts,
)
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_heads import Head
from hadir.attendance.ledger_verify import verify
from hadir.attendance.policy import Policy
from hadir.pipeline.ports import Record

__all__ = ["Found", "InvariantResult", "Sent", "check_invariants"]

MOST_NAMED = 10
"""A detail names so many at most."""


@dataclass(frozen=True, slots=True)
class InvariantResult:
    """`holds` is None where nobody looked. `detail` has counts and at most ten ids of every fault; `counts` the same as
    numbers, without the ids."""

    number: int
    name: str
    holds: bool | None
    detail: str
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Sent:
    """The senders' own account.

    `received` maps the id of each decodable record that the log has acknowledged to the content digests that were
    acknowledged under it (`hadir.pipeline.codec.content_sha256`). `unsure` is the same for what was sent without ever
    an answer: it may be in the log. `undecodable` are the SHA-256, hex, of acknowledged values that are no check-ins.
    """

    received: Mapping[str, Collection[str]]
    unsure: Mapping[str, Collection[str]] = field(default_factory=dict)
    undecodable: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What is there at the end.

    `verdicts` and `dead_letters` are all records of these topics that belong to the run. `committed` and `ends` are the
    group's next offsets and the log's, per partition of `topic`. `undecided` are the findings of a CommitWatch, None
    where none was set. `snapshots` are those that served. `exported` are an export's rows, None where there is none.
    `logs` are lines, in which none of `private` may occur: NIPs and names, and the beginnings of photos as a log would
    write them.
    """

    ledger: Ledger
    topic: str
    policy: Policy
    snapshots: Collection[str]
    verdicts: Iterable[Record]
    dead_letters: Iterable[Record]
    committed: Mapping[int, int]
    ends: Mapping[int, int]
    undecided: Sequence[str] | None = None
    heads: Sequence[Head] | None = None
    exported: Iterable[Line] | None = None
    logs: Iterable[str] = ()
    private: Collection[str] = ()


def check_invariants(sent: Sent, found: Found) -> tuple[InvariantResult, ...]:
    """All seven, by number. Memory grows with the check-ins: about 1 kB for each.

    Raises:
        LedgerUnavailable, LedgerTampered: the ledger cannot be read to its end.
        StreamUnavailable, StreamError: as the records' source.
    """
    rows = read_rows(found.ledger, found.policy, found.snapshots)
    verdicts = read_verdicts(found.verdicts)
    letters = read_letters(found.dead_letters, found.topic)
    return (
        _one_verdict(sent, rows, letters),
        _topics_agree(rows, verdicts, letters),
        _no_contradiction(rows, verdicts, found.exported),
        _at_rest(found),
        _nothing_undecided(found.undecided),
        _result(6, "accepted only with proof", {"accepted": rows.accepted}, {"unproven": rows.unproven}),
        _whole_and_private(found),
    )


def _one_verdict(sent: Sent, rows: Rows, letters: Letters) -> InvariantResult:
    missing, dropped, changed = [], [], []
    for one, contents in sent.received.items():
        if one not in rows.content:
            missing.append(one)
            continue
        decided = rows.content[one]
        answered = {decided, *letters.conflicts.get(one, ())}
        # After an erasure a repeat counts as the same, whatever it held.
        dropped += [one] if decided is not None and not answered.issuperset(contents) else []
        changed += [one] if decided is not None and decided not in {*contents, *sent.unsure.get(one, ())} else []
    strangers = [one for one in rows.content if one not in sent.received and one not in sent.unsure]
    unlettered = [digest[:16] for digest in sent.undecodable if digest not in letters.undecodable]
    counts = {"received": len(sent.received), "decided": len(rows.content)}
    faults = {
        "missing": missing,
        "doubled": rows.doubled,
        "never sent": strangers,
        "decided by other content": changed,
        "other content without a dead letter": dropped,
        "undecodable without a dead letter": unlettered,
    }
    return _result(1, "one verdict for everyone received", counts, faults)


def _topics_agree(rows: Rows, verdicts: Verdicts, letters: Letters) -> InvariantResult:
    counts = {
        "verdict records": verdicts.records,
        "repeated": verdicts.records - len(verdicts.values) - len(verdicts.unreadable) - verdicts.later,
        "dead letters": letters.codes.total(),
    }
    faults = {
        "unpublished": [one for one in rows.content if one not in verdicts.values],
        "published without a row": [one for one in verdicts.values if one not in rows.content],
        "published with other bytes again": verdicts.unequal,
        "unreadable verdicts": verdicts.unreadable,
        "decodable among the undecodable": letters.decodable,
        "id conflicts of the decided content": [
            one for one, c in letters.conflicts.items() if rows.content.get(one) in c
        ],
        "crash letters without a row": [one for one in letters.failed if one not in rows.content],
        "crash rows without a letter": sorted(rows.failed.difference(letters.failed)),
        "dead letters written twice, unequal": letters.unequal,
        "other dead letters": letters.strange,
    }
    return _result(2, "the topics tell what the ledger holds", counts, faults)


def _no_contradiction(rows: Rows, verdicts: Verdicts, exported: Iterable[Line] | None) -> InvariantResult:
    faults = {"published otherwise": [one for one, f in verdicts.facts.items() if rows.facts.get(one, f) != f]}
    counts = {"compared": len(verdicts.facts)}
    if exported is not None:
        told = {line["id"]: facts_of(line) for line in exported if line["revision"] == 0}
        counts["exported"] = len(told)
        faults["exported otherwise"] = [one for one, f in rows.facts.items() if told.get(one, f) != f]
        faults["not exported"] = [one for one in rows.facts if one not in told]
        faults["exported without a row"] = [one for one in told if one not in rows.facts]
    return _result(3, "no contradiction", counts, faults)


def _at_rest(found: Found) -> InvariantResult:
    positions = found.ledger.positions(found.topic)
    waiting = found.ledger.outbox_depth()
    faults = {
        "not committed to the end": _differing(found.committed, found.ends),
        "not decided to the end": _differing(positions, found.ends),
        "waiting in the outbox": [str(waiting)] if waiting else [],
    }
    return _result(4, "at rest", {"partitions": len(found.ends), "records": sum(found.ends.values())}, faults)


def _differing(stands: Mapping[int, int], ends: Mapping[int, int]) -> list[str]:
    return [f"partition {p}: {stands.get(p, 0)} of {end}" for p, end in ends.items() if stands.get(p, 0) != end]


def _nothing_undecided(undecided: Sequence[str] | None) -> InvariantResult:
    name = "nothing undecided below a commit"
    if undecided is None:
        return InvariantResult(5, name, None, "nobody watched the commits")
    return _result(5, name, {}, {"undecided at a commit": undecided})


def _whole_and_private(found: Found) -> InvariantResult:
    problems = [str(problem) for problem in verify(found.ledger, found.heads)]
    lines, leaks = 0, []
    for lines, line in enumerate(found.logs, start=1):
        leaks += [f"line {lines}" for word in found.private if word in line][:1]
    counts = {"heads": len(found.heads or ()), "log lines": lines}
    return _result(7, "whole and private", counts, {"flaws in the chains": problems, "personal data in logs": leaks})


def _result(number: int, name: str, counts: Mapping[str, int], faults: Mapping[str, Sequence[str]]) -> InvariantResult:
    """Holds where no fault was found."""
    said = [f"{what} {count}" for what, count in counts.items()]
    said += [_named(what, places) for what, places in faults.items() if places]
    told = {**counts, **{what: len(places) for what, places in faults.items()}}
    return InvariantResult(number, name, not any(faults.values()), "; ".join(said) or "none", told)


def _named(what: str, places: Sequence[str]) -> str:
    more = ", …" if len(places) > MOST_NAMED else ""
    return f"{what} {len(places)}: {', '.join(places[:MOST_NAMED])}{more}"
