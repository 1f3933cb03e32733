"""Photos of people to templates of a gallery, with a reason for every photo that is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hadir.app.contested_photos import contested
from hadir.app.photo_list import MOST_PHOTO_BYTES, PersonPhoto, read_photo
from hadir.core.clock import Clock
from hadir.faces.mesh import POINTS as MESH_POINTS
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack, PhotoResult
from hadir.faces.pose import mouth_openness
from hadir.index.enrolments import Enrolments
from hadir.index.gallery import Gallery
from hadir.index.refusals import Refusal
from hadir.index.templates import Grounds, Template

__all__ = ["MOUTH_OPEN", "PHOTO_OF_ANOTHER", "Enrolled", "Refused", "enrol"]

MOUTH_OPEN = "mouth_open"
PHOTO_OF_ANOTHER = "photo_of_another"
"""The very photo is enrolled, or listed, for somebody else: a template is one person's face."""

_MOST_MOUTH_OPENNESS = 0.45
"""Height over width. Of 1,379 photos of lfw_cohort (of people with two or more, the open pack) 2.5 % lie beyond; of
genuine pairs with such a photo 14 % (7 of 50) are missed at FMR 1e-3, of all others 4.8 % (46 of 958). An enrolment
photo can be made again; a check-in's is judged as it is."""

_STEP = 256
_STEP_BYTES = 128 << 20
"""Photos, and their bytes in memory, between two points that a kill cannot undo: a few seconds of work."""
_BATCH = 32


@dataclass(frozen=True, slots=True)
class Refused:
    """One photo that did not become a template, and why: a code that `enrolment_wording.advice` knows.

    `also` names who else has this very photo: person ids, with the file where this list names it.
    """

    person: str
    photo: str
    reason: str
    also: tuple[str, ...] = ()


@dataclass(slots=True)
class Enrolled:
    """What an enrolment has done. `repeated` photos were templates of the same person already; `people` have either.

    `ungrounded` of the added templates name no legal basis; `grounded` of earlier ones do now, or name their notice.
    """

    people: set[str] = field(default_factory=set)
    added: int = 0
    repeated: int = 0
    ungrounded: int = 0
    grounded: int = 0
    refused: list[Refused] = field(default_factory=list)


def enrol(
    photos: Sequence[PersonPhoto],
    pack: FacePack,
    enrolments: Enrolments,
    gallery: Gallery,
    *,
    grounds: Grounds,
    clock: Clock,
    advance: Callable[[int], None],
) -> Enrolled:
    """Keep every usable photo and its template, step by step: what `advance(n)` has been told stands after a kill, and
    a second run passes it over without looking at the faces again. A photo listed for two people is refused to both,
    unless it is a template of one of them already. A template that names no grounds gets those that are given now.

    Raises:
        GalleryError: somebody else enrols, or the gallery is damaged.
        StoreUnavailable: photos or templates cannot be stored; what was advanced over stands.
        OSError: a photo file cannot be read.
    """
    with enrolments.exclusive():
        desk = _Desk(pack, gallery.owners(), contested(photos), grounds)
        for step in _steps(photos):
            enrolments.keep(gallery, *desk.look(step, clock.now_ms()))
            advance(len(step))
        desk.done.grounded = enrolments.ground(desk.later_grounds)
    return desk.done


def _steps(photos: Sequence[PersonPhoto]) -> Iterator[list[PersonPhoto]]:
    step: list[PersonPhoto] = []
    size_bytes = 0
    for photo in photos:
        photo_bytes = min(photo.path.stat().st_size, MOST_PHOTO_BYTES)
        if step and (len(step) == _STEP or size_bytes + photo_bytes > _STEP_BYTES):
            yield step
            step, size_bytes = [], 0
        step.append(photo)
        size_bytes += photo_bytes
    yield step


class _Desk:
    """One enrolment under way; `owners` is photo id to person of every template there is."""

    def __init__(
        self,
        pack: FacePack,
        owners: dict[str, str],
        disputed: Mapping[str, Sequence[PersonPhoto]],
        grounds: Grounds,
    ) -> None:
        self.done = Enrolled()
        self.later_grounds: dict[str, Grounds] = {}
        self._pack = pack
        self._owners = owners
        self._disputed = disputed
        self._grounds = grounds

    def look(self, photos: Sequence[PersonPhoto], now_ms: int) -> tuple[list[tuple[bytes, Template]], list[Refusal]]:
        """What is to be kept of these photos: bytes with templates, and refusals."""
        accepted: list[tuple[bytes, Template]] = []
        refused: list[Refusal] = []
        for start in range(0, len(photos), _BATCH):
            batch = photos[start : start + _BATCH]
            contents = {photo.path: read_photo(photo.path) for photo in batch}
            ids = {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
            results = self._analyse({ids[path]: content for path, content in contents.items()})
            for photo in batch:
                identity = ids[photo.path]
                reason = self._refusal(photo.person, identity, results)
                if reason is not None:
                    refused.append(Refusal(photo.person, identity, reason, now_ms))
                    self.done.refused.append(self._told(photo, identity, reason))
                elif self._is_new(photo, identity):
                    accepted.append((contents[photo.path], self._template(photo, identity, results[identity], now_ms)))
        return accepted, refused

    def _analyse(self, photos: Mapping[str, bytes]) -> dict[str, PhotoResult]:
        """Results of those that are nobody's yet, by id."""
        taken = self._owners.keys() | self._disputed.keys()
        new = {identity: content for identity, content in photos.items() if identity not in taken}
        return dict(zip(new, self._pack.analyse(list(new.values()), ENROLMENT_PHOTOS), strict=True))

    def _refusal(self, person: str, identity: str, results: Mapping[str, PhotoResult]) -> str | None:
        if identity in self._owners:
            return None if self._owners[identity] == person else PHOTO_OF_ANOTHER
        if identity in self._disputed:
            return PHOTO_OF_ANOTHER
        result = results[identity]
        if result.finding.code is not None:
            return result.finding.code.value
        return MOUTH_OPEN if _mouth_is_open(result) else None

    def _told(self, photo: PersonPhoto, identity: str, reason: str) -> Refused:
        listed = self._disputed.get(identity, ())
        also = [f"{other.person}/{other.path.name}" for other in listed if other.person != photo.person]
        owner = self._owners.get(identity)
        if reason == PHOTO_OF_ANOTHER and owner is not None and owner not in {other.person for other in listed}:
            also.append(owner)
        return Refused(photo.person, photo.path.name, reason, tuple(also) if reason == PHOTO_OF_ANOTHER else ())

    def _is_new(self, photo: PersonPhoto, identity: str) -> bool:
        """Whether this photo is not a template of its person yet; from now on it is."""
        new = identity not in self._owners
        self._owners[identity] = photo.person
        self.done.people.add(photo.person)
        self.done.added += new
        self.done.repeated += not new
        if not new and (given := self._grounds_of(photo)) != Grounds():
            self.later_grounds[identity] = given
        return new

    def _grounds_of(self, photo: PersonPhoto) -> Grounds:
        """What the list says of this photo, else what holds for all."""
        return Grounds(
            photo.legal_basis or self._grounds.legal_basis, photo.notice_version or self._grounds.notice_version
        )

    def _template(self, photo: PersonPhoto, identity: str, result: PhotoResult, now_ms: int) -> Template:
        assert result.vector is not None
        template = Template(identity, photo.person, result.vector, now_ms, result.finding.face)
        grounded = template.grounded(self._grounds_of(photo))
        self.done.ungrounded += grounded.legal_basis is None
        return grounded


def _mouth_is_open(result: PhotoResult) -> bool:
    """False where the pack's front sees no lips (five points instead of a mesh)."""
    points = result.points_px
    return points is not None and len(points) == MESH_POINTS and mouth_openness(points) > _MOST_MOUTH_OPENNESS
