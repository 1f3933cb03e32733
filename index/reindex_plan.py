"""Which photos another pack has to look at, in chunks that depend on nothing but the photos themselves.

A plan is made of what the source gallery holds and the target lacks, in the order of person and photo. The same plan is
the same chunks, so that a run that was killed goes on where it stood and ends with the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

__all__ = ["CHUNK_PHOTOS", "Coverage", "ReindexPlan", "coverage", "plan_reindex"]

CHUNK_PHOTOS = 32
"""Photos of one call to a worker, and of one file of finished work: 0.1 to 0.3 s of one core. It is part of a plan's
digest."""

_SCHEMA = 1


@dataclass(frozen=True)
class ReindexPlan:
    """`templates` are the source's, by person and photo id, whose photos `target` has no vectors of yet."""

    source: EmbeddingSpace
    target: EmbeddingSpace
    templates: tuple[Template, ...]

    @cached_property
    def digest(self) -> str:
        """32 hex digits of the SHA-256 over both spaces, the chunks' size, and every person and photo in order."""
        content = {
            "schema": _SCHEMA,
            "source": self.source.name,
            "target": self.target.name,
            "chunk_photos": CHUNK_PHOTOS,
            "photos": [(template.person, template.id) for template in self.templates],
        }
        return hashlib.sha256(json.dumps(content, separators=(",", ":")).encode()).hexdigest()[:32]

    @property
    def chunks(self) -> int:
        """How many there are."""
        return -(-len(self.templates) // CHUNK_PHOTOS)

    def chunk(self, number: int) -> Sequence[Template]:
        """Chunk `number`, from 0: as many photos as `CHUNK_PHOTOS`, the last one what is left."""
        return self.templates[number * CHUNK_PHOTOS : (number + 1) * CHUNK_PHOTOS]


def plan_reindex(
    source: EmbeddingSpace, target: EmbeddingSpace, held: Iterable[Template], there: Iterable[Template]
) -> ReindexPlan:
    """What the source holds and is not `there`, in the target, yet."""
    have = {(template.person, template.id) for template in there}
    missing = [template for template in held if (template.person, template.id) not in have]
    return ReindexPlan(source, target, tuple(sorted(missing, key=lambda t: (t.person, t.id))))


@dataclass(frozen=True, slots=True)
class Coverage:
    """The source against the target: `missing` are photos, and `lost` people of whom the target has no photo at all;
    both ascending."""

    people: int
    photos: int
    missing: tuple[tuple[str, str], ...]
    lost: tuple[str, ...]


def coverage(held: Iterable[Template], there: Iterable[Template]) -> Coverage:
    """What would be lost if the target served instead of the source."""
    wanted = {(template.person, template.id) for template in held}
    have = {(template.person, template.id) for template in there}
    people = {person for person, _ in wanted}
    return Coverage(
        len(people),
        len(wanted),
        tuple(sorted(wanted - have)),
        tuple(sorted(people - {person for person, _ in have})),
    )
