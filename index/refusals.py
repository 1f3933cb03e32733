"""Photos that did not become a template, and why: kept beside the gallery, so that nobody stays out without a reason.

A later photo of the same person that is accepted clears nothing here: who wants to know why a person was enrolled late
finds it. Only erasing the person does.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import msgspec

from hadir.core.errors import GalleryError
from hadir.core.sealed_json import seal, unseal
from hadir.index.storage import Storage

__all__ = ["REFUSALS", "Refusal", "Refusals"]

REFUSALS = "refusals.json"
MOST_FILE_BYTES = 256 << 20
"""A million refusals."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """`photo` is the SHA-256 of the bytes, hex; `reason` a code that wording knows."""

    person: str
    photo: str
    reason: str
    at_ms: int


class Refusals:
    """The refusals of one gallery, in its folder. Writers hold `Enrolments.exclusive`."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def all(self) -> list[Refusal]:
        """By person, then by time. Raises GalleryError where the file is damaged, and as Storage."""
        content = self._storage.read(REFUSALS, MOST_FILE_BYTES)
        if content is None:
            return []
        try:
            return msgspec.convert(unseal(content, MOST_FILE_BYTES)["refusals"], list[Refusal])
        except (ValueError, KeyError) as err:
            raise GalleryError(
                f"{self._storage.uri}/{REFUSALS} was altered, or is no list of refusals: restore it from a backup"
            ) from err

    def add(self, refusals: Iterable[Refusal]) -> None:
        """Remember; of the same photo of the same person the latest refusal stands."""
        before = self.all()
        known = {(one.person, one.photo): one for one in (*before, *refusals)}
        if list(known.values()) != before:
            self._write(known.values())

    def forget(self, person: str) -> int:
        """Forget what was refused of a person; returns how many that were."""
        before = self.all()
        kept = [one for one in before if one.person != person]
        if len(kept) != len(before):
            self._write(kept)
        return len(before) - len(kept)

    def _write(self, refusals: Iterable[Refusal]) -> None:
        ordered = sorted(refusals, key=lambda one: (one.person, one.at_ms, one.photo))
        self._storage.write(REFUSALS, seal({"refusals": msgspec.to_builtins(ordered)}))
