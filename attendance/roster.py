"""Who works where, dated: the roster, read from `person,nip,name,unit[,valid_from,valid_until]`.

`person` is the opaque id that travels in check-ins and stands in the ledger; NIP and name stay here, so that erasing a
roster row leaves the ledger pseudonymous. A transfer is two rows with periods that do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from hadir.attendance.csv_table import Complaints, Numbered, Row, read_table
from hadir.attendance.period import ALWAYS, Period
from hadir.core.nip import is_nip, mask_nip

__all__ = ["Membership", "Roster"]

_COLUMNS = ("person", "nip", "name", "unit")
_OPTIONAL = ("valid_from", "valid_until")


@dataclass(frozen=True, slots=True)
class Membership:
    """One person in one unit for a while. NIP and name are personal data and stay out of every repr."""

    person: str
    unit: str
    nip: str = field(repr=False)
    name: str = field(repr=False)
    period: Period = ALWAYS


class Roster:
    """Everybody whose check-ins are decided. Immutable after construction, safe to share between threads."""

    def __init__(self, memberships: Iterable[Membership]) -> None:
        self._by_person: dict[str, tuple[Membership, ...]] = {}
        for one in sorted(memberships, key=lambda m: (m.person, m.period.first)):
            self._by_person[one.person] = (*self._by_person.get(one.person, ()), one)

    @classmethod
    def load(cls, path: Path) -> Roster:
        """Read the roster.

        Raises:
            ConfigError: a row is bad, a person is in two units on one day, or a NIP belongs to two persons.
        """
        return cls(read_table(path, _COLUMNS, _OPTIONAL, _membership, _cross_check))

    def __len__(self) -> int:
        return len(self._by_person)

    def __contains__(self, person: str) -> bool:
        return person in self._by_person

    def __iter__(self) -> Iterator[Membership]:
        for memberships in self._by_person.values():
            yield from memberships

    def memberships(self, person: str) -> tuple[Membership, ...]:
        """All of this person's memberships, the earliest first; none for somebody unknown."""
        return self._by_person.get(person, ())

    def unit(self, person: str, day: date) -> str | None:
        """The unit this person belongs to on a local date, None where the roster knows of none."""
        return next((m.unit for m in self.memberships(person) if m.period.covers(day)), None)


def _membership(row: Row) -> Membership:
    return Membership(
        person=_person(row),
        unit=row.identifier("unit"),
        nip=_nip(row),
        name=row.title("name"),
        period=row.period(),
    )


def _person(row: Row) -> str:
    person = row.identifier("person")
    if is_nip(person):
        raise row.bad(
            "person", "an opaque id that is not the NIP: it travels in every check-in and stays in the ledger"
        )
    return person


def _nip(row: Row) -> str:
    digits = row.get("nip").replace(" ", "")
    if is_nip(digits):
        return digits
    raise row.bad(
        "nip", "18 digits beginning with a birth date (in a spreadsheet, format as text)", f"'{mask_nip(digits)}'"
    )


def _cross_check(rows: Sequence[Numbered[Membership]], complaints: Complaints) -> None:
    owners: dict[str, Numbered[str]] = {}
    seen: dict[str, list[Numbered[Membership]]] = {}
    for line, one in rows:
        first_line, owner = owners.setdefault(one.nip, (line, one.person))
        if owner != one.person:
            complaints.add(
                line, f"column nip is '{mask_nip(one.nip)}', which line {first_line} gives to another person"
            )
        earlier = seen.setdefault(one.person, [])
        if clash := next((n for n, other in earlier if one.period.overlaps(other.period)), None):
            complaints.add(line, f"column person is '{one.person}', by line {clash} already in a unit on these dates")
        earlier.append((line, one))
