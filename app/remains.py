"""What a run left behind, each read once: the ledger's rows, the verdict topic, the dead letters."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hadir.app.accepted_proof import unproven
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_export import export
from hadir.attendance.policy import Policy
from hadir.core.errors import Undecodable
from hadir.pipeline.codec import decode
from hadir.pipeline.dead_letters import DeadLetter, read_dead_letters
from hadir.pipeline.ports import Record

__all__ = ["Letters", "Line", "Rows", "Verdicts", "facts_of", "read_letters", "read_rows", "read_verdicts"]

Line = Mapping[str, Any]

_FACTS = ("id", "person", "direction", "channel", "outcome", "reasons", "minutes")
_STAMPS = ("received_at_ms", "decided_at_ms", "snapshot", "embedding_space", "policy")
"""What the ledger, an export and the verdict topic all say of a row. The distance is left out: it may be erased."""


@dataclass(slots=True)
class Rows:
    """Of revision 0, by id: the content that was decided (None after its erasure) and a digest of the facts."""

    content: dict[str, str | None] = field(default_factory=dict)
    facts: dict[str, bytes] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)
    doubled: list[str] = field(default_factory=list)
    unproven: list[str] = field(default_factory=list)
    accepted: int = 0


def read_rows(ledger: Ledger, policy: Policy, snapshots: Collection[str]) -> Rows:
    """One walk over the whole ledger. Raises LedgerUnavailable, LedgerTampered."""
    rows = Rows()
    for line in export(ledger, evidence=True):
        if line["revision"] == 0:
            _count(rows, line)
            if (lack := unproven(line, policy, snapshots)) is not None:
                rows.unproven.append(f"{line['id']} lacks {lack}")
    return rows


def _count(rows: Rows, line: Line) -> None:
    one, evidence = line["id"], line["evidence"] or {}
    if one in rows.content:
        rows.doubled.append(one)
    rows.content[one] = evidence.get("content_sha256")
    rows.facts[one] = facts_of(line)
    rows.accepted += line["outcome"] == "accepted"
    if "processing_failed" in line["reasons"]:
        rows.failed.add(one)


@dataclass(slots=True)
class Verdicts:
    """By id: the bytes' digest and the facts of its first record; ids that were published with other bytes again."""

    values: dict[str, bytes] = field(default_factory=dict)
    facts: dict[str, bytes] = field(default_factory=dict)
    unequal: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    records: int = 0
    later: int = 0


def read_verdicts(records: Iterable[Record]) -> Verdicts:
    """Records of `hadir.verdicts.v1`; those of later revisions are read and not kept."""
    verdicts = Verdicts()
    for record in records:
        verdicts.records += 1
        try:
            line = msgspec.json.decode(record.value, type=dict[str, Any])
            one, facts, revision = line["id"], facts_of(line), line["revision"]
        except (msgspec.MsgspecError, KeyError):
            verdicts.unreadable.append(f"{record.partition}/{record.offset}")
            continue
        value = hashlib.sha256(record.value).digest()
        if revision != 0:
            verdicts.later += 1
        elif verdicts.values.setdefault(one, value) != value:
            verdicts.unequal.append(one)
        else:
            verdicts.facts[one] = facts
    return verdicts


@dataclass(slots=True)
class Letters:
    """By code, each place in the log once: `conflicts` are contents by id, `undecodable` digests of values."""

    codes: Counter[str] = field(default_factory=Counter)
    conflicts: dict[str, set[str]] = field(default_factory=dict)
    undecodable: set[str] = field(default_factory=set)
    failed: list[str] = field(default_factory=list)
    decodable: list[str] = field(default_factory=list)
    unequal: list[str] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)


def read_letters(records: Iterable[Record], topic: str) -> Letters:
    """Records of `hadir.dead-letters.v1` that were set aside from `topic`."""
    letters = Letters()
    seen: dict[tuple[int, int], tuple[object, ...]] = {}
    for letter in read_dead_letters(records):
        if letter.source_topic != topic:
            continue
        place, record = (letter.partition, letter.offset), letter.record
        whole = (record.key, hashlib.sha256(record.value).digest(), record.headers)
        if (before := seen.setdefault(place, whole)) is not whole:
            letters.unequal += [f"{place[0]}/{place[1]}"] if before != whole else []
            continue
        letters.codes[letter.code] += 1
        _sort(letters, letter, f"{place[0]}/{place[1]}")
    return letters


def _sort(letters: Letters, letter: DeadLetter, place: str) -> None:
    try:
        received = decode(letter.record)
    except Undecodable:
        received = None
    if letter.code == "undecodable":
        letters.undecodable.add(hashlib.sha256(letter.record.value).hexdigest())
        letters.decodable += [place] if received is not None else []
    elif letter.code == "id_conflict" and received is not None:
        letters.conflicts.setdefault(received.id, set()).add(received.content_sha256)
    elif letter.code == "processing_failed" and received is not None:
        letters.failed.append(received.id)
    else:
        letters.strange.append(f"{place} {letter.code}")


def facts_of(line: Line) -> bytes:
    """What is said of a row, as 16 bytes. Raises KeyError where something is not said."""
    return hashlib.blake2b(msgspec.json.encode([line[name] for name in (*_FACTS, *_STAMPS)]), digest_size=16).digest()
