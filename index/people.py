"""Who is in an index: row by row, beside the vectors.

Kept as JSON, not as Parquet like the gallery: every face actor reads it, and pyarrow would cost each of them 44 MB
(measured).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

__all__ = ["EnrolledPerson", "check_people", "digests_of", "people_from_json", "people_to_json", "templates_digest"]


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """One row. `photos` were fused into the template; `synthetic` people are vectors of nobody.

    `digest` names which photos (`templates_digest`); empty for synthetic people.
    """

    person: str
    photos: int
    synthetic: bool = False
    digest: str = ""


def templates_digest(ids: Iterable[str]) -> str:
    """16 hex digits of the SHA-256 over a person's template ids: another photo is another digest."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()[:16]


def digests_of(owners: Mapping[str, str]) -> dict[str, str]:
    """Person to the digest of their photos, from template id to person."""
    photos: dict[str, list[str]] = {}
    for template, person in owners.items():
        photos.setdefault(person, []).append(template)
    return {person: templates_digest(ids) for person, ids in photos.items()}


def check_people(people: Sequence[EnrolledPerson], rows: int) -> None:
    """Raise ValueError unless there is one distinct person, of at least one photo, for each of `rows` vectors."""
    if len(people) != rows:
        raise ValueError(f"{len(people)} people for {rows} vectors, expected as many")
    distinct = len({p.person for p in people})
    if distinct != rows:
        raise ValueError(f"{rows} rows name {distinct} people, expected one row each: fuse a person's templates first")
    if any(p.photos < 1 for p in people):
        raise ValueError("a person's template was fused from no photo, expected at least one")


def people_to_json(people: Sequence[EnrolledPerson]) -> bytes:
    """One object per row, in order; deterministic bytes."""
    return msgspec.json.encode(people)


def people_from_json(content: bytes) -> list[EnrolledPerson]:
    """Read back. Raises ValueError where it is not a list of people."""
    try:
        return msgspec.json.decode(content, type=list[EnrolledPerson])
    except msgspec.MsgspecError as err:
        raise ValueError("it is not a list of people") from err
