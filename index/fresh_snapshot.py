"""The gallery as it is now, in the place of the snapshot that serves: who was enrolled or erased a moment ago.

Measuring a calibration takes most of the time of a build and hardly changes with a few people, so it is carried over
until more than one in a hundred changed since it was measured; then the fresh snapshot serves first and is measured
after that. A new one that supports less is not taken: who asks to be forgotten must not wait, nor shut the doors on
those who stay, because too few are left to measure among.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from hadir.core.errors import SnapshotError
from hadir.index.calibration import Calibration
from hadir.index.faiss_vectors import read_vectors
from hadir.index.gallery import Gallery
from hadir.index.manifest import Carried
from hadir.index.normalisation_choice import Normalisation
from hadir.index.people import EnrolledPerson, digests_of, people_from_json
from hadir.index.pointers import discard, read_pointers, snapshot_folder, snapshot_ids
from hadir.index.snapshot import Snapshot, load_snapshot
from hadir.index.snapshot_build import SyntheticPeople, build_snapshot
from hadir.index.snapshot_checks import PEOPLE, SYNTHETIC, read_calibration
from hadir.index.space import require_same_space

__all__ = ["MOST_CARRIED", "MOST_CHANGED", "Fresh", "build_fresh"]

MOST_CHANGED = 0.01
"""Share of people who may have changed since the calibration was measured: they are in 2 % of its comparisons."""

MOST_CARRIED = 2 * MOST_CHANGED
"""Up to here it may still be carried, for the minute that measuring takes: nobody waits for that to be enrolled."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """A snapshot that may serve; the current one itself where nothing changed.

    `changed` people differ from the current one's. `carried` is None where the calibration was measured on the people
    of this very snapshot. `seen` is the pointers' generation that this rests on.
    """

    path: Path
    changed: int
    carried: Carried | None
    seen: int

    @property
    def outdated(self) -> bool:
        """Whether more people changed than a calibration should outlive: measure it anew."""
        return self.carried is not None and self.carried.changed > MOST_CHANGED * self.carried.people


def build_fresh(
    root: Path,
    gallery: Gallery,
    created_at_ms: int,
    hadir_version: str,
    *,
    erased: Collection[str] = (),
    measure: bool = False,
) -> Fresh:
    """Build what `gallery` holds now beside the current snapshot of `root`, with its synthetic people.

    The calibration is carried over, unless too much changed since it was measured, or `measure` asks for a new one;
    also then where a new one would lack a threshold that there is.
    Where the last person was erased nobody is left to measure, or to be compared: then the cosines' thresholds stay.

    Raises:
        SnapshotError: none serves, it is damaged, or it holds people, other than the `erased`, whom the gallery lacks:
            a fresh snapshot must not put anybody out who was not meant to be.
        SpaceMismatch: it is of another embedding space.
        InputError, GalleryError: as `build_snapshot`.
    """
    pointers = read_pointers(root)
    if pointers.current is None:
        raise SnapshotError(f"no snapshot serves under {root}: build the first one (hadir index build)")
    folder = snapshot_folder(root, pointers.current)
    current = load_snapshot(folder)
    require_same_space("the snapshot that serves", current.manifest.space.name, gallery.space.name)
    before = people_from_json((folder / PEOPLE).read_bytes())
    now = digests_of(gallery.owners())
    changed, nobody = _changed(before, now, erased), bool(erased) and not now
    if not changed and (nobody or not measure):
        return Fresh(folder, 0, None if nobody else current.manifest.carried, pointers.generation)
    held = current.calibration
    chosen = held.normalisation
    build = partial(
        build_snapshot,
        root,
        gallery,
        created_at_ms,
        hadir_version,
        synthetic=_synthetic(folder, before),
        normalisation="auto" if chosen is None else chosen.mode,
        nobody=nobody,
    )
    if nobody:
        path = build(calibration=_without_z(held))
        return Fresh(path, changed, None, pointers.generation)
    carried = _carried(current, changed)
    if not measure and carried.changed <= MOST_CARRIED * carried.people:
        return Fresh(build(calibration=held, carried=carried), changed, carried, pointers.generation)
    kept = set(snapshot_ids(root))
    path = build()
    if not _supported(held) - _supported(read_calibration(path)):
        return Fresh(path, changed, None, pointers.generation)
    discard(root, {path.name} - kept)
    if not changed:
        return Fresh(folder, 0, current.manifest.carried, pointers.generation)
    return Fresh(build(calibration=_without_z(held), carried=carried), changed, carried, pointers.generation)


def _changed(before: Collection[EnrolledPerson], now: dict[str, str], erased: Collection[str]) -> int:
    known = {one.person: one.digest for one in before if not one.synthetic}
    if lost := sum(person not in now and person not in erased for person in known):
        raise SnapshotError(
            f"{lost} people of the snapshot that serves are not in the gallery: restore the gallery, or build a "
            "snapshot without them and promote it (hadir index build, hadir index promote)"
        )
    return sum(known.get(person) != now.get(person) for person in known.keys() | now.keys())


def _carried(current: Snapshot, changed: int) -> Carried:
    """Whose calibration it would be, and how many changes later."""
    manifest = current.manifest
    origin = manifest.carried or Carried(manifest.id, manifest.people, 0)
    return Carried(origin.measured_in, origin.people, origin.changed + changed)


def _supported(calibration: Calibration) -> set[tuple[str, str]]:
    """Rate and cell of every threshold that there is."""
    by_rate = calibration.table.similarity
    return {(rate, cell) for rate, cells in by_rate.items() for cell, found in cells.items() if found is not None}


def _without_z(calibration: Calibration) -> Calibration:
    """Its cosines alone: those who are left are too few to measure, and so to normalise among."""
    if calibration.normalisation is None or not calibration.normalisation.on:
        return calibration
    return replace(calibration, normalisation=Normalisation(False, "too_few_people"))


def _synthetic(folder: Path, people: Collection[EnrolledPerson]) -> SyntheticPeople:
    mapped = read_vectors(folder / SYNTHETIC)
    # A copy: the matrix is a view into memory that goes with `mapped`.
    return mapped.matrix.copy(), [one for one in people if one.synthetic]
