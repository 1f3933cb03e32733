"""Who signs in a surge: people of a site's own gallery, each with selfies of which it is known what must become."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from hadir.app.stores import gallery_root, photo_store
from hadir.app.surge_mirror import Mirror
from hadir.app.surge_places import SigningPlace, SigningPlaces
from hadir.app.variation import vary
from hadir.app.wiring import Serving
from hadir.core.errors import InputError
from hadir.core.settings import Settings
from hadir.index.galleries import gallery_at

__all__ = ["Cast", "Signer", "cast_of", "stamped"]

_SOI = b"\xff\xd8"
_COMMENT = b"\xff\xfe"

_TRIES = 6
"""Variations of one photo until one is sure to be recognised."""


@dataclass(frozen=True, slots=True)
class Signer:
    """`selfies` and `colleagues` are places in the cast's photos: of this person, and of people whom the pack does not
    take for this person."""

    person: str
    selfies: Sequence[int]
    colleagues: Sequence[int]
    place: SigningPlace


@dataclass(frozen=True, slots=True)
class Cast:
    """Encoded selfies, and who signs with them. They are few, made beforehand, and sent again and again, each time
    `stamped`: so that sending costs next to nothing, and no photo is the same file twice."""

    photos: Sequence[bytes]
    signers: Sequence[Signer]


def stamped(jpeg: bytes, mark: bytes) -> bytes:
    """The same picture as another file: with `mark` as a comment in front (ITU-T T.81, B.2.4.5)."""
    if not jpeg.startswith(_SOI):
        raise ValueError("a stamp is for JPEG files: encode the photo first")
    return b"".join((_SOI, _COMMENT, (len(mark) + 2).to_bytes(2, "big"), mark, jpeg[len(_SOI) :]))


def cast_of(
    settings: Settings, span_ms: tuple[int, int], most: int, seed: int, tell: Callable[[int], None] = lambda _: None
) -> Cast:
    """At most `most` people of the served gallery, drawn by `seed`, with one selfie each: a variation of a photo they
    are enrolled with. `span_ms` is when they will sign, UTC. `tell` hears how many are ready.

    Takes about 30 ms a person. Left out is who is on no roster, has no site, whose enrolled photos were not kept, or
    whose variations the pack is not sure of.

    Raises:
        InputError: nobody is left. HadirError: as loading pack, snapshot, gallery and the site's files.
    """
    mirror = Mirror(settings)
    rng = np.random.default_rng(seed)
    places = SigningPlaces(settings, span_ms)
    photos: list[bytes] = []
    ready: list[tuple[str, SigningPlace]] = []
    for person, photo in _enrolled(settings, mirror.served, rng):
        if (place := places.of(person)) is None or (selfie := _sure_selfie(mirror, person, photo, rng)) is None:
            continue
        photos.append(selfie)
        ready.append((person, place))
        tell(len(ready))
        if len(ready) == most:
            break
    if not ready:
        raise InputError(
            "nobody can sign: no enrolled person is on the roster with a site and has a photo that was kept; hadir "
            "gallery status shows who is enrolled, hadir enroll keeps photos"
        )
    colleagues = _colleagues(mirror, photos, [person for person, _ in ready])
    return Cast(photos, [Signer(who, (n,), colleagues[n], place) for n, (who, place) in enumerate(ready)])


def _sure_selfie(mirror: Mirror, person: str, photo: NDArray[np.uint8], rng: np.random.Generator) -> bytes | None:
    for _ in range(_TRIES):
        if mirror.knows(selfie := vary(photo, rng), [person]):
            return selfie
    return None


def _colleagues(mirror: Mirror, photos: Sequence[bytes], people: Sequence[str]) -> Mapping[int, tuple[int, ...]]:
    """For each person the photo of their neighbour in the list, where it surely does not pass for them."""
    found: dict[int, tuple[int, ...]] = {}
    for number, person in enumerate(people):
        other = (number + 1) % len(people)
        found[number] = (other,) if other != number and mirror.strangers(photos[other], [person]) else ()
    return found


def _enrolled(settings: Settings, served: Serving, rng: np.random.Generator) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """People in a random order, each with the first of their photos that was kept and can be read."""
    gallery, store = gallery_at(gallery_root(settings), served.snapshot.manifest.space), photo_store(settings)
    by_person: dict[str, list[str]] = {}
    for photo, person in sorted(gallery.owners().items()):
        by_person.setdefault(person, []).append(photo)
    people = sorted(by_person)
    for at in rng.permutation(len(people)):
        pixels = (_pixels(store.read(photo)) for photo in by_person[people[at]])
        if (first := next((one for one in pixels if one is not None), None)) is not None:
            yield people[at], first


def _pixels(photo: bytes | None) -> NDArray[np.uint8] | None:
    found = None if photo is None else cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR)
    return None if found is None else np.asarray(cv2.cvtColor(found, cv2.COLOR_BGR2RGB), dtype=np.uint8)
