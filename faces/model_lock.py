"""The packs that can be fetched by name, with the digests that are really known."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

__all__ = ["KnownPack", "known_packs"]

_LOCK = Path(__file__).with_name("model_lock.toml")


@dataclass(frozen=True, slots=True)
class KnownPack:
    """`models` says what is inside; `sha256` in hex and `bytes` are of the archive at `url`, None: not known."""

    name: str
    url: str
    models: str
    licence: str
    sha256: str | None
    bytes: int | None


def known_packs() -> dict[str, KnownPack]:
    """Every pack of the lock by its name, in the lock's order."""
    document = tomllib.loads(_LOCK.read_text(encoding="utf-8"))
    licence: str = document.pop("licence")
    return {
        name: KnownPack(name, entry["url"], entry["models"], licence, entry.get("sha256"), entry.get("bytes"))
        for name, entry in document.items()
    }
