"""The photos that are measured with: fresh selfies of the real people whose photos come inside installed packages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import msgspec
import numpy as np

from hadir.app.demo_people import people_in_packages
from hadir.app.variation import vary
from hadir.core.errors import InputError
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS, FacePack
from hadir.index.templates import Template

__all__ = ["SEED", "Selfie", "read_selfies", "take_selfies", "write_selfies"]

SEED = 20_260_131
MOST_TRIES = 4
"""Per selfie: some of the faces may not be enrolled."""


class Selfie(msgspec.Struct, frozen=True):
    """`photo` is a JPEG of 480×640 pixels; nobody has two of them."""

    person: str
    photo: bytes


def take_selfies(pack: FacePack, count: int) -> tuple[list[Selfie], list[Template]]:
    """`count` people with one selfie each that passes every check, and the template of another photo of theirs.

    There are fewer faces than people, so some look exactly like others; each has a history of their own.
    """
    people = people_in_packages()
    rng = np.random.default_rng(SEED)
    selfies: list[Selfie] = []
    templates: list[Template] = []
    for face in islice(cycle(people), MOST_TRIES * count):
        name = f"clerk-{len(selfies):04d}"
        photo, enrolled = vary(face.photos[0], rng), vary(face.photos[0], rng)
        (seen,), (kept,) = pack.analyse([photo], CHECK_IN_PHOTOS), pack.analyse([enrolled], ENROLMENT_PHOTOS)
        if seen.finding.code is None and kept.vector is not None:
            selfies.append(Selfie(name, photo))
            templates.append(Template(hashlib.sha256(enrolled).hexdigest(), name, kept.vector, 0, kept.finding.face))
        if len(selfies) == count:
            return selfies, templates
    raise InputError(f"{len(selfies)} of {count} selfies pass the checks of pack {pack.info.name}: use another pack")


def write_selfies(path: Path, selfies: Sequence[Selfie]) -> None:
    """For another process."""
    path.write_bytes(msgspec.msgpack.encode(selfies))


def read_selfies(path: Path) -> list[Selfie]:
    """What `write_selfies` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=list[Selfie])
