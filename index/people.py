"""Who is in an index: row by row, beside the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["EnrolledPerson", "check_people"]


@dataclass(frozen=True, slots=True)
class EnrolledPerson:
    """One row. `photos` were fused into the template; `synthetic` people are vectors of nobody."""

    person: str
    photos: int
    synthetic: bool = False


def check_people(people: Sequence[EnrolledPerson], rows: int) -> None:
    """Raise ValueError unless there is one distinct person, of at least one photo, for each of `rows` vectors."""
    if len(people) != rows:
        raise ValueError(f"{len(people)} people for {rows} vectors, expected as many")
    distinct = len({p.person for p in people})
    if distinct != rows:
        raise ValueError(f"{rows} rows name {distinct} people, expected one row each: fuse a person's templates first")
    if any(p.photos < 1 for p in people):
        raise ValueError("a person's template was fused from no photo, expected at least one")
