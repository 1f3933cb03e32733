"""Photos and templates kept and forgotten together, whatever is killed in between.

A photo lies in one store, its templates in another (and in every embedding space), and no step writes both. So the ids
of the photos that a step is about are noted first, in `pending.json`: whoever comes next finds the note of a step that
did not end, and deletes those of its photos that no template names. A face never lies around unnamed, and a template
that was reported always has its photo.

One enrolment or erasure at a time on a site: a lock on a local folder; on other stores nothing locks, see `gallery.py`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from hadir.core.errors import GalleryError
from hadir.core.file_lock import held_alone
from hadir.index.galleries import galleries
from hadir.index.gallery import Added, Gallery
from hadir.index.photo_store import PhotoStore
from hadir.index.refusals import Refusal, Refusals
from hadir.index.storage import Storage
from hadir.index.templates import Grounds, Template

__all__ = ["PENDING", "Enrolments", "Forgotten"]

PENDING = "pending.json"
LOCK = "enrolment.lock"
MOST_PENDING_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What there was of a person: `templates` over all embedding spaces, and the ids of the `photos` deleted."""

    templates: int
    photos: tuple[str, ...]
    refusals: int


class Enrolments:
    """All galleries under `root` and the photos that they were made from."""

    def __init__(self, root: Storage, photos: PhotoStore) -> None:
        self.root = root
        self.photos = photos

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Exclude others who enrol or erase, and finish what a killed one has left.

        Raises:
            GalleryError: somebody is at it, or a file is damaged.
            StoreUnavailable: a store does not answer.
        """
        with self.locked():
            self._settle()
            yield

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Exclude others, and leave what a killed one has left. Raises GalleryError: somebody is at it."""
        folder = self.root.local
        if folder is None:
            yield
            return
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        busy = GalleryError(f"another process enrols or erases at {folder}: try again when it has ended")
        with held_alone(folder / LOCK, busy):
            yield

    def owners(self) -> dict[str, str]:
        """Photo id to person, over all embedding spaces. Raises as `Gallery.templates`."""
        return {photo: person for gallery in galleries(self.root) for photo, person in gallery.owners().items()}

    def keep(
        self, gallery: Gallery, accepted: Sequence[tuple[bytes, Template]], refused: Sequence[Refusal] = ()
    ) -> Added:
        """Keep photos with their templates, and remember refusals; all of it stands on return. Inside of `exclusive`.

        Raises what `Gallery.add` raises; then no template was added, and the photos are gone with the next step.
        """
        Refusals(gallery.storage).add(refused)
        self._note([template.id for _, template in accepted])
        for photo, _ in accepted:
            self.photos.keep(photo)
        added = gallery.add([template for _, template in accepted], gallery.space.name)
        self._note([])
        return added

    def ground(self, grounds: Mapping[str, Grounds]) -> int:
        """Record, in every gallery, the grounds of templates (by id) that had none; returns how many templates gained
        something. What was recorded before stays. Inside of `exclusive`. Raises as `Gallery.amend`."""
        if not grounds:
            return 0
        nothing = Grounds()
        return sum(
            gallery.amend(lambda template: template.grounded(grounds.get(template.id, nothing)))
            for gallery in galleries(self.root)
        )

    def forget(self, person: str) -> Forgotten:
        """Remove a person from every gallery, every list of refusals, and the photo store. Inside of `exclusive`.

        Killed in between, it is finished by the next step; asked again, it removes what is left.
        """
        found = galleries(self.root)
        photos = {photo for gallery in found for photo, owner in gallery.owners().items() if owner == person}
        self._note(photos)
        templates = sum(gallery.remove(person) for gallery in found)
        refusals = sum(Refusals(gallery.storage).forget(person) for gallery in found)
        return Forgotten(templates, self._settle(), refusals)

    def _note(self, photos: Collection[str]) -> None:
        if photos:
            self.root.write(PENDING, json.dumps(sorted(photos)).encode())
        else:
            self.root.delete(PENDING)

    def _settle(self) -> tuple[str, ...]:
        """Delete the photos of a step that did not end and that no template names; returns those that were there."""
        noted = self.root.read(PENDING, MOST_PENDING_BYTES)
        if noted is None:
            return ()
        try:
            photos = {str(photo) for photo in json.loads(noted)}
        except (ValueError, TypeError) as err:
            raise GalleryError(f"{self.root.uri}/{PENDING} is not a list of photo ids: restore or delete it") from err
        deleted = tuple(photo for photo in sorted(photos - set(self.owners())) if self.photos.forget(photo))
        self._note([])
        return deleted
