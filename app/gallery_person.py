"""What is held of one person: photos, when and on what ground they were enrolled, what was refused. Never a vector."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from hadir.app.stores import enrolments
from hadir.core.errors import InputError
from hadir.core.settings import Settings
from hadir.index.galleries import galleries
from hadir.index.pointers import read_pointers, snapshot_folder
from hadir.index.refusals import Refusal, Refusals
from hadir.index.snapshot_diff import enrolled
from hadir.index.space import EmbeddingSpace
from hadir.index.templates import Template

__all__ = ["HeldPerson", "held_person"]


@dataclass(frozen=True, slots=True)
class HeldPerson:
    """`templates` and `refusals` by embedding space; `kept` are ids of photos whose bytes lie in the photo store;
    `serving` is the number of photos in the snapshot that serves, 0 where the person is not in it."""

    person: str
    templates: tuple[tuple[EmbeddingSpace, Template], ...]
    refusals: tuple[tuple[EmbeddingSpace, Refusal], ...]
    kept: frozenset[str]
    serving: int

    def as_json(self) -> dict[str, object]:
        """For machines."""
        return {
            "person": self.person,
            "photos_serving": self.serving,
            "templates": [
                {
                    "photo": one.id,
                    "photo_kept": one.id in self.kept,
                    "embedding_space": space.name,
                    "pack": space.pack,
                    "enrolled_at_ms": one.enrolled_at_ms,
                    "legal_basis": one.legal_basis,
                    "notice_version": one.notice_version,
                    "face": None if one.face is None else asdict(one.face),
                }
                for space, one in self.templates
            ],
            "refused": [
                {"photo": one.photo, "embedding_space": space.name, "reason": one.reason, "at_ms": one.at_ms}
                for space, one in self.refusals
            ],
        }


def held_person(settings: Settings, person: str, gallery: str | None = None) -> HeldPerson:
    """Look it up in every store.

    Raises:
        InputError: nothing is held of such a person.
        GalleryError, SnapshotError, StoreUnavailable: a store is damaged or does not answer.
    """
    place = enrolments(settings, gallery)
    templates, refusals = [], []
    for one in galleries(place.root):
        templates += [(one.space, t) for t in one.templates() if t.person == person]
        refusals += [(one.space, r) for r in Refusals(one.storage).all() if r.person == person]
    if not templates and not refusals:
        raise InputError(f"nothing is held of person {person!r}: check the id (hadir gallery status)")
    kept = frozenset(t.id for _, t in templates if place.photos.keeps(t.id))
    return HeldPerson(person, tuple(templates), tuple(refusals), kept, _serving(settings, person))


def _serving(settings: Settings, person: str) -> int:
    root = Path(settings.stores.snapshots)
    current = read_pointers(root).current
    if current is None:
        return 0
    there = enrolled(snapshot_folder(root, current)).people.get(person)
    return 0 if there is None else there.photos
