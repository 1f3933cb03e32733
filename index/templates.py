"""One template: one photo of one person, as one pack sees it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import InputError
from hadir.core.evidence import FaceMeasures
from hadir.core.vectors import Vectors

__all__ = ["MOST_PERSON_BYTES", "Grounds", "Template", "by_person", "check_template"]

MOST_PERSON_BYTES = 64
"""As on the wire: a person id is 1 to 64 bytes."""

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Grounds:
    """On what ground a face may be processed, and which privacy notice its person was shown; None: not recorded."""

    legal_basis: str | None = None
    notice_version: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """`id` is the SHA-256 of the photo's bytes, hex: the same photo again is the same template.

    `vector` is (D,) float32, unit norm. `legal_basis` and `notice_version` are its `Grounds`.
    """

    id: str
    person: str
    vector: NDArray[np.float32]
    enrolled_at_ms: int
    face: FaceMeasures | None = None
    legal_basis: str | None = None
    notice_version: str | None = None

    def grounded(self, grounds: Grounds) -> Template:
        """With what of its own grounds was not recorded taken from `grounds`; itself where nothing was missing."""
        basis = self.legal_basis or grounds.legal_basis
        notice = self.notice_version or grounds.notice_version
        if (basis, notice) == (self.legal_basis, self.notice_version):
            return self
        return replace(self, legal_basis=basis, notice_version=notice)


def check_template(template: Template) -> None:
    """Raise InputError where an id is not one; the message holds neither."""
    if not _SHA256.fullmatch(template.id):
        raise InputError(f"a template id of {len(template.id)} characters: expected the photo's SHA-256, 64 hex digits")
    size = len(template.person.encode())
    if not 1 <= size <= MOST_PERSON_BYTES:
        raise InputError(f"a person id has {size} bytes, expected 1 to {MOST_PERSON_BYTES}: use the roster's id")


def by_person(templates: Iterable[Template]) -> Mapping[str, Vectors]:
    """Person to (photos, D) vectors; people ascending, and each person's photos by ascending template id."""
    rows: dict[str, list[NDArray[np.float32]]] = {}
    for template in sorted(templates, key=lambda t: (t.person, t.id)):
        rows.setdefault(template.person, []).append(template.vector)
    return {person: np.stack(vectors) for person, vectors in rows.items()}
