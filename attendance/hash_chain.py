"""Linking ledger rows so that a changed, missing or moved row is found, and the changed field is named.

A row's hash can be recomputed with any language's standard library:

1. `values`: the row's columns of its format (FIELDS) as they are stored: text, integer or null. `reasons` and
   `evidence_digests` are text that happens to hold JSON.
2. `json(x)`: JSON in UTF-8, object keys sorted, no white space, nothing escaped that JSON does not ask for. (Python:
   `json.dumps(x, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()`.)
3. `field_digests`: for every field in the order of FIELDS, the first 16 hexadecimal digits of
   SHA-256(name, one zero byte, json(value)), all joined.
4. `hash`: the hexadecimal SHA-256 of json({"prev_hash": …, "field_digests": …, and every field: its value}).
   `prev_hash` is the hash of the row one `seq` before in the same chain, GENESIS for `seq` 1.

The hash covers values *and* digests: digests alone only name what changed, and cannot be adjusted unseen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

__all__ = ["FIELDS", "FORMAT", "GENESIS", "Flaw", "Link", "Value", "changed_fields", "examine", "seal"]

Value = str | int | None

GENESIS = "0" * 64
FORMAT = 1
"""The format that new rows are sealed in; it is a sealed field itself."""

FIELDS: Mapping[int, tuple[str, ...]] = {
    1: (
        "actor",
        "captured_at_ms",
        "chain",
        "chain_format",
        "channel",
        "check_in_id",
        "decided_at_ms",
        "direction",
        "embedding_space",
        "evidence_digests",
        "evidence_sha256",
        "is_case",
        "minutes",
        "outcome",
        "person",
        "policy",
        "reasons",
        "received_at_ms",
        "revision",
        "seq",
        "shift",
        "snapshot",
        "source_offset",
        "source_partition",
    ),
}
"""The sealed fields per format. A migration that adds one adds a format; old rows keep theirs."""

_DIGEST_HEX = 16
_JSON = msgspec.json.Encoder(order="sorted")
_PREFIX = {name: name.encode() + b"\0" for fields in FIELDS.values() for name in fields}
_RECURRING = frozenset(
    {
        "actor",
        "chain",
        "chain_format",
        "channel",
        "direction",
        "embedding_space",
        "is_case",
        "minutes",
        "outcome",
        "policy",
        "reasons",
        "revision",
        "shift",
        "snapshot",
        "source_partition",
    }
)
"""Fields with few different values, the same in row after row: their digests are remembered, not computed anew."""


@dataclass(frozen=True, slots=True)
class Link:
    """One stored row as the chain sees it."""

    values: Mapping[str, Value]
    field_digests: str
    prev_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class Flaw:
    """One field of one row that is not what was sealed."""

    field: str
    what: str


def seal(values: Mapping[str, Value], prev_hash: str) -> Link:
    """The link for a new row after the one with `prev_hash`. `values` hold at least the fields of FORMAT."""
    digests = _digests(values, FORMAT)
    return Link(values, digests, prev_hash, _hash(values, digests, prev_hash, FORMAT))


def changed_fields(link: Link) -> tuple[str, ...]:
    """The fields whose value does not give the stored digest; empty where the digests are unreadable."""
    fields = FIELDS[_format_of(link)]
    if len(link.field_digests) != _DIGEST_HEX * len(fields):
        return ()
    stored = (link.field_digests[at : at + _DIGEST_HEX] for at in range(0, len(link.field_digests), _DIGEST_HEX))
    return tuple(name for name, digest in zip(fields, stored, strict=True) if _digest(name, link.values) != digest)


def examine(before: str | None, link: Link, after: str | None) -> tuple[list[Flaw], str]:
    """What is wrong with one row, and the hash that it truly had when it was sealed, as far as that can be told.

    Args:
        before: the true hash of the row before; None where that row is missing and the link cannot be checked.
        link: the row as stored.
        after: `prev_hash` as the next row (or a published head) states it: a witness of this row's hash; None at the
            end of a chain.
    """
    form = _format_of(link)
    linked = before is None or link.prev_hash == before
    if _hash(link.values, link.field_digests, link.prev_hash, form) == link.hash:
        return (
            [] if linked else [Flaw("prev_hash", "the row before is not the one this row was linked to")]
        ), link.hash
    if not linked and before is not None and _hash(link.values, link.field_digests, before, form) == link.hash:
        return [Flaw("prev_hash", "the link was changed")], link.hash
    changed = changed_fields(link)
    true_digests = _digests(link.values, form)
    if true_digests != link.field_digests and _hash(link.values, true_digests, link.prev_hash, form) == link.hash:
        return [Flaw("field_digests", "the digests were changed, the values were not")], link.hash
    if changed:
        return [Flaw(name, "the value is not the one that was sealed") for name in changed], link.hash
    return _unexplained(link, after, form)


def _unexplained(link: Link, after: str | None, form: int) -> tuple[list[Flaw], str]:
    computed = _hash(link.values, link.field_digests, link.prev_hash, form)
    if after is not None and after == link.hash:
        return [Flaw("field_digests", "a value was changed together with its digest")], link.hash
    return [Flaw("hash", "the hash is not that of this row")], computed


def _format_of(link: Link) -> int:
    stored = link.values.get("chain_format")
    return stored if isinstance(stored, int) and stored in FIELDS else FORMAT


def _digest(name: str, values: Mapping[str, Value]) -> str:
    value = values[name]
    return _remembered(name, value) if name in _RECURRING else _computed(name, value)


def _computed(name: str, value: Value) -> str:
    return hashlib.sha256(_PREFIX[name] + _JSON.encode(value)).hexdigest()[:_DIGEST_HEX]


# Typed, because 0 and False are one key otherwise and two texts in JSON.
_remembered = lru_cache(maxsize=16_384, typed=True)(_computed)


def _digests(values: Mapping[str, Value], form: int) -> str:
    return "".join([_digest(name, values) for name in FIELDS[form]])


def _hash(values: Mapping[str, Value], digests: str, prev_hash: str, form: int) -> str:
    payload = {name: values[name] for name in FIELDS[form]}
    return hashlib.sha256(_JSON.encode(payload | {"field_digests": digests, "prev_hash": prev_hash})).hexdigest()
