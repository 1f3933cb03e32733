"""The roster against the gallery: who is enrolled, who is missing, and whose photos were refused and why, by unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from hadir.app.stores import gallery_root
from hadir.attendance.roster import Roster
from hadir.attendance.units import Unit, Units
from hadir.core.errors import ConfigError
from hadir.core.settings import Settings
from hadir.index.galleries import galleries, only_gallery
from hadir.index.lacking_people import LackingPeople
from hadir.index.pointers import read_pointers, snapshot_folder
from hadir.index.refusals import Refusal, Refusals
from hadir.index.snapshot_diff import enrolled

__all__ = ["GalleryStatus", "Missing", "UnitStatus", "gallery_status", "read_status"]


@dataclass(frozen=True, slots=True)
class Missing:
    """Somebody on today's roster without a template; `reasons` are the codes of their refused photos, each once."""

    person: str
    unit: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UnitStatus:
    """`refused` of the missing have sent photos, none of which could be used; `reasons` counts people, not photos."""

    unit: str
    name: str
    roster: int
    enrolled: int
    refused: int
    reasons: Mapping[str, int]

    @property
    def missing(self) -> int:
        """On the roster without a template."""
        return self.roster - self.enrolled


@dataclass(frozen=True, slots=True)
class GalleryStatus:
    """`not_serving` people are enrolled and not in the snapshot that serves; `not_on_roster` are enrolled all the
    same; `ungrounded` are enrolled with a template that names no legal basis; `only_elsewhere` of the missing are
    enrolled in another embedding space alone."""

    units: tuple[UnitStatus, ...]
    missing: tuple[Missing, ...]
    space: str
    not_serving: int
    not_on_roster: int
    ungrounded: int
    only_elsewhere: int

    @property
    def roster(self) -> int:
        """People of today's roster; who is in two units today cannot be."""
        return sum(unit.roster for unit in self.units)

    @property
    def enrolled(self) -> int:
        """Of them, those with a template."""
        return sum(unit.enrolled for unit in self.units)

    @property
    def refused(self) -> int:
        """Of the missing, those whose photos were all refused."""
        return sum(unit.refused for unit in self.units)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "embedding_space": self.space,
            "roster": self.roster,
            "enrolled": self.enrolled,
            "missing": self.roster - self.enrolled,
            "refused": self.refused,
            "enrolled_not_serving": self.not_serving,
            "enrolled_not_on_roster": self.not_on_roster,
            "without_legal_basis": self.ungrounded,
            "enrolled_in_another_space_only": self.only_elsewhere,
            "units": [{**asdict(unit), "missing": unit.missing} for unit in self.units],
        }


def read_status(settings: Settings, now_ms: int, gallery: str | None = None, space: str | None = None) -> GalleryStatus:
    """Of the files that the settings name, in the gallery of `space`, by default that of the snapshot that serves.

    A photo that was refused in any space is a reason: a new pack embeds what was enrolled, it is not shown the rest.

    Raises:
        ConfigError: roster or units cannot be used.
        InputError, GalleryError, SnapshotError, StoreUnavailable: there is no such gallery, or it cannot be read.
    """
    snapshots = Path(settings.stores.snapshots)
    current = read_pointers(snapshots).current
    serving = None if current is None else enrolled(snapshot_folder(snapshots, current))
    wanted = space or (serving.manifest.space.name if serving else None)
    root = gallery_root(settings, gallery)
    place = only_gallery(root, wanted)
    grounded: dict[str, bool] = {}
    for template in place.templates():
        grounded[template.person] = grounded.get(template.person, True) and template.legal_basis is not None
    there = galleries(root)
    same = serving is not None and serving.manifest.space.name == place.space.name
    return gallery_status(
        Roster.load(Path(settings.attendance.roster)),
        Units.load(Path(settings.attendance.units)),
        now_ms,
        space=place.space.name,
        grounded=grounded,
        serving=serving.people if serving is not None and same else (),
        refusals=[one for gallery in there for one in Refusals(gallery.storage).all()],
        elsewhere=LackingPeople(place, [one for one in there if one.space != place.space]).people,
    )


def gallery_status(
    roster: Roster,
    units: Units,
    now_ms: int,
    *,
    space: str,
    grounded: Mapping[str, bool],
    serving: Collection[str],
    refusals: Iterable[Refusal],
    elsewhere: Collection[str] = (),
) -> GalleryStatus:
    """Compare. `grounded` is enrolled person to whether all their templates name a legal basis; `elsewhere` are those
    who are enrolled in other spaces and not in this one.

    Raises:
        ConfigError: the roster names a unit that the list of units lacks.
    """
    reasons: dict[str, dict[str, None]] = {}
    for one in refusals:
        reasons.setdefault(one.person, {})[one.reason] = None
    members = _members(roster, units, now_ms)
    missing = tuple(
        Missing(person, unit, tuple(reasons.get(person, ())))
        for unit, people in members.items()
        for person in people
        if person not in grounded
    )
    on_roster = {person for people in members.values() for person in people}
    return GalleryStatus(
        units=tuple(
            _unit_status(unit, members[unit.id], [one for one in missing if one.unit == unit.id])
            for unit in sorted(units, key=lambda unit: unit.id)
        ),
        missing=missing,
        space=space,
        not_serving=len(grounded.keys() - set(serving)),
        not_on_roster=len(grounded.keys() - on_roster),
        ungrounded=sum(not all_named for all_named in grounded.values()),
        only_elsewhere=len(on_roster.intersection(elsewhere) - grounded.keys()),
    )


def _members(roster: Roster, units: Units, now_ms: int) -> dict[str, list[str]]:
    """Unit to the people who belong to it today, both ascending; units without anybody as well."""
    members: dict[str, list[str]] = {unit.id: [] for unit in units}
    for one in roster:
        if one.unit not in units:
            raise ConfigError(f"the roster names unit {one.unit}, which the list of units lacks: add it there")
        if one.period.covers(units.local_day(one.unit, now_ms)):
            members[one.unit].append(one.person)
    return {unit: sorted(members[unit]) for unit in sorted(members)}


def _unit_status(unit: Unit, people: Collection[str], missing: Collection[Missing]) -> UnitStatus:
    refused = [one for one in missing if one.reasons]
    counted = Counter(reason for one in refused for reason in one.reasons)
    enrolled = len(people) - len(missing)
    return UnitStatus(unit.id, unit.name, len(people), enrolled, len(refused), dict(counted.most_common()))
