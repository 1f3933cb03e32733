"""Sealing a side-table row: salted, so that after erasure its digest tells nobody what it held.

`evidence_sha256` is the hexadecimal SHA-256 of the 16 salt bytes followed by the stored text in UTF-8.
`evidence_digests` is JSON: for every top-level part of the body the first 16 hexadecimal digits of SHA-256(salt, name,
one zero byte, the part as JSON with sorted keys), so that verification names the part that was changed. Both are sealed
in the row's chain; salt and body live in the side table alone.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

__all__ = ["SALT_BYTES", "SealedEvidence", "changed_parts", "evidence_sha256", "read_body", "seal_evidence"]

SALT_BYTES = 16
_DIGEST_HEX = 16
_JSON = msgspec.json.Encoder(order="sorted")


@dataclass(frozen=True, slots=True)
class SealedEvidence:
    """`text` and `salt` go to the side table, the two digests into the chain."""

    text: str
    salt: bytes
    sha256: str
    digests: str


def seal_evidence(body: Mapping[str, object], salt: bytes) -> SealedEvidence:
    """Seal a body of plain JSON types with 16 fresh random bytes."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    text = _JSON.encode(body).decode()
    digests = {part: _digest(salt, part, value) for part, value in body.items()}
    return SealedEvidence(text, salt, evidence_sha256(text, salt), _JSON.encode(digests).decode())


def evidence_sha256(text: str, salt: bytes) -> str:
    """The digest that the chain holds of a stored body."""
    return hashlib.sha256(salt + text.encode()).hexdigest()


def read_body(text: str) -> dict[str, object]:
    """A stored body. Raises ValueError where the text is not a JSON object."""
    try:
        return msgspec.json.decode(text, type=dict[str, object])
    except msgspec.MsgspecError as err:
        raise ValueError("the stored evidence is not a JSON object") from err


def changed_parts(text: str, salt: bytes, digests: str) -> tuple[str, ...]:
    """The parts that were changed, added or removed, sorted; `salt` where no part fits any more, `body` where that
    cannot be told."""
    try:
        body, sealed = read_body(text), read_body(digests)
    except ValueError:
        return ("body",)
    differing = {part for part, value in body.items() if sealed.get(part) != _digest(salt, part, value)}
    differing |= sealed.keys() - body.keys()
    if len(sealed) > 1 and differing == sealed.keys() == body.keys():
        return ("salt",)
    return tuple(sorted(differing)) or ("body",)


def _digest(salt: bytes, part: str, value: object) -> str:
    return hashlib.sha256(salt + part.encode() + b"\0" + _JSON.encode(value)).hexdigest()[:_DIGEST_HEX]
