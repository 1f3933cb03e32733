"""The demo's gallery and snapshot: real faces enrolled, about 13,000 synthetic people around them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from hadir.app.demo_people import RealPerson
from hadir.app.stores import space_of
from hadir.app.variation import encode_jpeg
from hadir.core.errors import InputError, PackError
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.index.enrolments import Enrolments
from hadir.index.galleries import gallery_at
from hadir.index.promotion import Note, promote_noted
from hadir.index.snapshot_build import build_snapshot
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.templates import Template

__all__ = ["build_index", "enrol_people"]


def enrol_people(people: Sequence[RealPerson], pack: FacePack, enrolments: Enrolments, now_ms: int) -> int:
    """Enrol each person's photos; return how many templates that made.

    Raises:
        InputError: a photo cannot be enrolled; the message names person and reason.
    """
    accepted: list[tuple[bytes, Template]] = []
    for person in people:
        photos = [encode_jpeg(photo, 95) for photo in person.photos]
        for photo, result in zip(photos, pack.analyse(photos, ENROLMENT_PHOTOS), strict=True):
            if result.vector is None:
                reason = result.finding.code.value if result.finding.code else "unusable"
                raise InputError(f"a photo of {person.person} cannot be enrolled: {reason}; use another photo")
            identity = hashlib.sha256(photo).hexdigest()
            template = Template(identity, person.person, result.vector, now_ms, result.finding.face)
            accepted.append((photo, template))
    gallery = gallery_at(enrolments.root, space_of(pack.info))
    with enrolments.exclusive():
        return enrolments.keep(gallery, accepted).added


def build_index(pack: FacePack, gallery: Path, snapshots: Path, *, synthetic: int, now_ms: int, seed: int) -> str:
    """Build and serve a snapshot of the gallery and `synthetic` people who are not real; returns its id."""
    if pack.info.statistics is None:
        raise PackError(f"pack {pack.info.name} has no statistics, so no synthetic people can be drawn in its space")
    drawn = draw_people(read_statistics(pack.info.statistics, pack.info.precision), synthetic, seed)
    enrolled = gallery_at(Storage(gallery), space_of(pack.info))
    path = build_snapshot(snapshots, enrolled, now_ms, version("hadir"), synthetic=drawn)
    promote_noted(snapshots, path.name, Note(now_ms, "hadir demo", "the demo's people"))
    return path.name
