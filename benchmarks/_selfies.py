"""The photos that are measured with: fresh selfies of the real people whose photos come inside installed packages."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import cv2
import msgspec
import numpy as np

from hadir.app.demo_people import people_in_packages
from hadir.app.variation import encode_jpeg, vary
from hadir.core.errors import InputError
from hadir.faces.pack import CHECK_IN_PHOTOS, ENROLMENT_PHOTOS, FacePack
from hadir.index.templates import Template

__all__ = ["SEED", "Selfie", "in_another_light", "read_selfies", "take_selfies", "write_selfies"]

SEED = 20_260_131
MOST_TRIES = 4
"""Per selfie: some of the faces may not be enrolled."""


LIGHTS, LIGHT_SD = (14, 18), 0.18
"""Patches across and down a picture, and how far one is brighter or darker than another (of the logarithm). Among 1,152
selfies of 8 faces lit so, the nearest two marks differed in 22 bits, and 5 had no usable face (measured)."""
_QUALITY = 85


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


def in_another_light(photo: bytes, rng: np.random.Generator) -> bytes:
    """The JPEG's picture with patches of light and shadow: no two so lit are near copies of each other, as no two
    selfies of one person from different days are, and as selfies that only `vary` are (docs/replay.md)."""
    stored = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    assert stored is not None, "a selfie of our own cannot be read"
    pixels = cv2.cvtColor(stored, cv2.COLOR_BGR2RGB)
    patches = rng.normal(0.0, LIGHT_SD, LIGHTS[::-1]).astype(np.float32)
    light = cv2.exp(cv2.resize(patches, pixels.shape[1::-1], interpolation=cv2.INTER_CUBIC))
    lit = cv2.multiply(pixels, cv2.merge([light] * 3), dtype=cv2.CV_8U)
    return encode_jpeg(np.asarray(lit, dtype=np.uint8), _QUALITY)


def write_selfies(path: Path, selfies: Sequence[Selfie]) -> None:
    """For another process."""
    path.write_bytes(msgspec.msgpack.encode(selfies))


def read_selfies(path: Path) -> list[Selfie]:
    """What `write_selfies` wrote."""
    return msgspec.msgpack.decode(path.read_bytes(), type=list[Selfie])
