"""Photos of people to templates of a gallery, with a reason for every photo that is refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.app.photo_list import PersonPhoto
from hadir.core.verdict import Reason
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.index.gallery import Gallery
from hadir.index.templates import Template

__all__ = ["Enrolled", "Refused", "enrol", "read_photo"]

_BATCH = 32
_MOST_PHOTO_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Refused:
    """One photo that did not become a template, and why."""

    person: str
    photo: str
    reason: Reason


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What an enrolment did. `repeated` photos were templates of the same person already."""

    people: int
    added: int
    repeated: int
    refused: tuple[Refused, ...]


def enrol(
    photos: Sequence[PersonPhoto], pack: FacePack, gallery: Gallery, now_ms: int, advance: Callable[[int], None]
) -> Enrolled:
    """Analyse every photo and add the usable ones in one write: a crash before it changes nothing.

    `advance(n)` is told after every n photos. Raises what `Gallery.add` raises.
    """
    templates: list[Template] = []
    refused: list[Refused] = []
    for start in range(0, len(photos), _BATCH):
        chunk = photos[start : start + _BATCH]
        contents = [read_photo(photo.path) for photo in chunk]
        for photo, content, result in zip(chunk, contents, pack.analyse(contents, ENROLMENT_PHOTOS), strict=True):
            if result.vector is None:
                assert result.finding.code is not None
                refused.append(Refused(photo.person, photo.path.name, result.finding.code))
            else:
                identity = hashlib.sha256(content).hexdigest()
                templates.append(Template(identity, photo.person, result.vector, now_ms, result.finding.face))
        advance(len(chunk))
    added = gallery.add(templates, pack.info.embedding_space)
    return Enrolled(len({t.person for t in templates}), added.added, added.repeated, tuple(refused))


def read_photo(path: Path) -> bytes:
    """A photo's bytes, one more than the limit at most: the pack then says `photo_too_large`."""
    with path.open("rb") as file:
        return file.read(_MOST_PHOTO_BYTES + 1)
