"""A city to rehearse in: thousands of people on a roster, few faces, and a snapshot that tells them from the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from hadir.app.demo_people import RealPerson, people_in_folder, people_in_packages
from hadir.app.demo_site import write_site
from hadir.app.options import DEFAULTS
from hadir.app.scenarios import SITE, UNITS
from hadir.app.stores import space_of
from hadir.app.surge_cast import Cast, Signer
from hadir.app.surge_mirror import Mirror
from hadir.app.surge_places import SigningPlace
from hadir.app.variation import vary
from hadir.core.check_in import Fix
from hadir.core.clock import SystemClock
from hadir.core.errors import InputError
from hadir.core.settings import Settings, load_settings
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.faces.packs import load_pack
from hadir.index.calibrate import calibrate
from hadir.index.galleries import gallery_at
from hadir.index.promotion import Note, promote_noted
from hadir.index.snapshot_build import build_snapshot
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.templates import Template

__all__ = ["City", "build_city", "cast_in", "city_settings"]

SEED = 20_260_131
_TEMPLATES = 3
"""Enrolled variations of each face, shared by all who have it."""
_TRIES = 20


@dataclass(frozen=True, slots=True)
class City:
    """`people` have one of the `faces` each, by turns. Beside them there are synthetic people up to a city's size."""

    folder: Path
    people: Sequence[str]
    faces: Sequence[RealPerson]

    def face_of(self, number: int) -> int:
        """Which face person `number` has."""
        return number % len(self.faces)

    def alike(self, number: int) -> list[str]:
        """One person for each template that people of the same face share, that one's own among them."""
        step = len(self.faces)
        first = self.face_of(number)
        return list(self.people[first : first + step * _TEMPLATES : step])


def city_settings(folder: Path, sections: Mapping[str, Mapping[str, object]], name: str = "hadir.toml") -> Settings:
    """Settings over the city in `folder`, with `sections` over them; written to `name` there, where hadir run reads
    them. The outcome of the perceptual rule for replayed photos is off."""
    site = {one: folder / "site" / f"{one}.csv" for one in ("roster", "units", "sites", "placements", "shifts")}
    ours: dict[str, dict[str, object]] = {
        "stores": {"snapshots": folder / "snapshots", "case_photos": folder / "case-photos"},
        "attendance": dict(site),
        "replay": {"near": "record"},
    }
    for section, keys in sections.items():
        ours[section] = {**ours.get(section, {}), **keys}
    lines = [
        f"[{section}]\n" + "\n".join(f"{key} = {_toml(value)}" for key, value in keys.items())
        for section, keys in ours.items()
    ]
    (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_settings(DEFAULTS, folder / name)


def build_city(folder: Path, people: int, size: int, faces: Path | None, say: Callable[[str], None]) -> City:
    """`people` who sign and synthetic ones, `size` in all; shifts laid around this moment. Some ten seconds.

    Their faces are variations of a few, so they may not calibrate: nothing tells two people of one face apart. The
    snapshot is calibrated by the few alone, which supports no rate, and the pack's own thresholds serve.

    Raises:
        InputError: too few usable faces, or no people.
    """
    if people < 1:
        raise InputError(f"{people} people cannot sign: give one or more")
    pack, now_ms = load_pack("open"), SystemClock().now_ms()
    real = people_in_folder(faces, say) if faces is not None else people_in_packages()
    enrolled = {one.person: _templates(pack, one) for one in real}
    usable = [one for one in real if len(enrolled[one.person]) == _TEMPLATES]
    if len(usable) < 2:
        raise InputError(f"{len(usable)} of {len(real)} faces can be enrolled, two needed: use clearer photos")
    names = [f"clerk-{number:06d}" for number in range(people)]
    gallery = gallery_at(Storage(folder / "gallery"), space_of(pack.info))
    city = City(folder, names, usable)
    vectors = [enrolled[one.person] for one in usable]
    gallery.add([_template(city, vectors, n, now_ms) for n in range(people)], pack.info.embedding_space)
    few = {one.person: np.stack([vector]) for one in usable for vector in enrolled[one.person][:1]}
    drawn = None
    if size > people and pack.info.statistics is not None:
        drawn = draw_people(read_statistics(pack.info.statistics, pack.info.precision), size - people, SEED)
    snapshot = build_snapshot(
        folder / "snapshots",
        gallery,
        now_ms,
        version("hadir"),
        synthetic=drawn,
        calibration=calibrate(few, "1e-3", "off"),
    )
    promote_noted(folder / "snapshots", snapshot.name, Note(now_ms, "a rehearsal", "its people"))
    write_site(folder / "site", dict.fromkeys(names, UNITS[0]), now_ms, SEED)
    return city


def cast_in(city: City, settings: Settings, photos: int) -> Cast:
    """Everybody with about `photos` different pictures between them, each of which surely passes for all who have that
    face; and pictures of somebody else for colleagues. 50 ms for each picture.

    Raises:
        InputError: a face has no picture of which the pack is sure.
    """
    mirror, rng = Mirror(settings), np.random.default_rng(SEED)
    per_face = max(1, photos // len(city.faces))
    pictures: list[bytes] = []
    of_face: list[range] = []
    for number, face in enumerate(city.faces):
        sure = _sure(mirror, face, city.alike(number), per_face, rng)
        of_face.append(range(len(pictures), len(pictures) + len(sure)))
        pictures += sure
    strangers = [_strangers(mirror, city, pictures, of_face, number) for number in range(len(city.faces))]
    place = SigningPlace(Fix(*SITE, 8.0, mock=False), Fix(SITE[0] + 0.02, SITE[1], 8.0, mock=False), on_shift=True)
    signers = [
        Signer(person, of_face[city.face_of(n)], strangers[city.face_of(n)], place)
        for n, person in enumerate(city.people)
    ]
    return Cast(pictures, signers)


def _sure(mirror: Mirror, face: RealPerson, people: Sequence[str], count: int, rng: np.random.Generator) -> list[bytes]:
    tried = (vary(face.photos[0], rng) for _ in range(count * _TRIES))
    sure: list[bytes] = []
    for selfie in tried:
        if mirror.knows(selfie, people):
            sure.append(selfie)
        if len(sure) == count:
            return sure
    if not sure:
        raise InputError(f"the pack is sure of no variation of face {face.person}: leave it out, or use a clearer one")
    return sure


def _strangers(
    mirror: Mirror, city: City, pictures: Sequence[bytes], of_face: Sequence[range], number: int
) -> tuple[int, ...]:
    """The first pictures of other faces that surely pass for nobody of this one."""
    people = city.alike(number)
    firsts = [of_face[other][0] for other in range(len(city.faces)) if other != number]
    return tuple(at for at in firsts if len(mirror.strangers(pictures[at], people)) == len(people))


def _templates(pack: FacePack, face: RealPerson) -> list[NDArray[np.float32]]:
    """Vectors of variations that may be enrolled: `_TEMPLATES`, or none where the face does not yield so many."""
    rng = np.random.default_rng(SEED)
    photos = [vary(face.photos[0], rng) for _ in range(_TRIES)]
    results = pack.analyse(photos, ENROLMENT_PHOTOS)
    found = [result.vector for result in results if result.vector is not None]
    return found[:_TEMPLATES] if len(found) >= _TEMPLATES else []


def _template(city: City, vectors: Sequence[Sequence[NDArray[np.float32]]], number: int, now_ms: int) -> Template:
    vector = vectors[city.face_of(number)][number // len(city.faces) % _TEMPLATES]
    person = city.people[number]
    return Template(hashlib.sha256(person.encode()).hexdigest(), person, vector, now_ms)


def _toml(value: object) -> str:
    """JSON's scalars are among TOML's; a path is its text."""
    return json.dumps(value if isinstance(value, str | int | float | bool) else str(value), ensure_ascii=False)
