"""What differs between two snapshots: who came, who left, and whose photos are others. Across embedding spaces too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hadir.core.errors import SnapshotError
from hadir.index.manifest import REMEDY, Manifest, read_manifest
from hadir.index.people import EnrolledPerson, people_from_json
from hadir.index.snapshot_checks import PEOPLE, check_file

__all__ = ["Enrolment", "SnapshotDiff", "diff_people", "enrolled"]


@dataclass(frozen=True, slots=True)
class Enrolment:
    """Who is in a snapshot, real people only, by person id."""

    manifest: Manifest
    people: Mapping[str, EnrolledPerson]


@dataclass(frozen=True, slots=True)
class SnapshotDiff:
    """Person ids, ascending. `changed`: there before and after, from other photos. Templates count photos."""

    gained: tuple[str, ...]
    lost: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: int
    templates_before: int
    templates_after: int


def enrolled(folder: Path) -> Enrolment:
    """The people of the snapshot in `folder`, checked against its manifest; its vectors stay untouched.

    Raises:
        SnapshotError: the manifest or the list of people is missing or altered.
    """
    manifest = read_manifest(folder)
    if PEOPLE not in manifest.files:
        raise SnapshotError(f"{folder} lists no people: {REMEDY}")
    check_file(folder, manifest, PEOPLE)
    try:
        people = people_from_json((folder / PEOPLE).read_bytes())
    except (ValueError, OSError) as err:
        raise SnapshotError(f"{folder / PEOPLE} cannot be used: {err}: {REMEDY}") from err
    return Enrolment(manifest, {one.person: one for one in people if not one.synthetic})


def diff_people(before: Mapping[str, EnrolledPerson], after: Mapping[str, EnrolledPerson]) -> SnapshotDiff:
    """Compare by person id, and by which photos their template was fused from."""
    both = sorted(before.keys() & after.keys())
    changed = [person for person in both if before[person].digest != after[person].digest]
    return SnapshotDiff(
        gained=tuple(sorted(after.keys() - before.keys())),
        lost=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(changed),
        unchanged=len(both) - len(changed),
        templates_before=sum(one.photos for one in before.values()),
        templates_after=sum(one.photos for one in after.values()),
    )
