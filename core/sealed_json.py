"""Small JSON files with a seal: one altered byte is found when they are read.

The seal finds accidents, not an attacker, who would seal anew. The bytes are canonical, white space included.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

__all__ = ["MOST_BYTES", "seal", "unseal"]

MOST_BYTES = 1 << 20


def seal(document: Mapping[str, Any]) -> bytes:
    """The file's content for `document`, which has no key `seal` of its own."""
    digest = hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
    return (json.dumps({**document, "seal": digest}, indent=1, sort_keys=True) + "\n").encode()


def unseal(content: bytes, most_bytes: int = MOST_BYTES) -> dict[str, Any]:
    """The document without its seal. Raises ValueError where the content is not, byte for byte, what `seal` wrote."""
    if len(content) > most_bytes:
        raise ValueError(f"{len(content)} bytes, expected at most {most_bytes}")
    try:
        document = json.loads(content)
    except RecursionError as err:
        raise ValueError("nested too deeply") from err
    if not isinstance(document, dict):
        raise ValueError("not an object")
    document.pop("seal", None)
    if seal(document) != content:
        raise ValueError("the seal does not fit")
    return document
