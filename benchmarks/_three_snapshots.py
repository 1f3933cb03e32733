"""Three snapshots of one workplace: what serves, the same space with more people, another pack's space."""

from __future__ import annotations

import getpass
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from benchmarks._rounds import say
from benchmarks._selfies import SEED, Selfie
from benchmarks._workplace import Workplace
from hadir.app.stores import model_store, space_of
from hadir.core.clock import SystemClock
from hadir.core.settings import Settings
from hadir.core.vectors import as_unit_vectors
from hadir.faces.model_licence import licence_of
from hadir.faces.model_store import Acceptance, Origin
from hadir.faces.pack import ENROLMENT_PHOTOS, FacePack
from hadir.faces.packs import load_pack
from hadir.index.galleries import gallery_at
from hadir.index.pointers import read_pointers
from hadir.index.snapshot import load_snapshot
from hadir.index.snapshot_build import build_snapshot
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.templates import Template

__all__ = ["ThreeSnapshots", "build_three"]

ARCFACE = "scrfd500m-mobilefacenet128"
MORE_PEOPLE = 100


@dataclass(frozen=True, slots=True)
class ThreeSnapshots:
    """`first` serves at the start, `second` holds more people, `elsewhere` is of another space, by `other_pack`."""

    first: str
    second: str
    elsewhere: str
    other_pack: str


def build_three(workplace: Workplace, settings: Settings, stand_ins: int) -> ThreeSnapshots:
    """Beside the workplace's own snapshot, in its folder."""
    say("building two more snapshots, one of them in another embedding space")
    root, now_ms = workplace.folder / "snapshots", SystemClock().now_ms()
    first = read_pointers(root).current
    assert first is not None
    pack, gallery = load_pack("open"), Storage(workplace.folder / "gallery")
    info = pack.info
    assert info.statistics is not None
    vectors, people = draw_people(read_statistics(info.statistics, info.precision), MORE_PEOPLE, SEED + 1)
    second = build_snapshot(
        root,
        gallery_at(gallery, space_of(info)),
        now_ms,
        "bench",
        synthetic=(vectors, [replace(one, person=f"newcomer-{one.person}") for one in people]),
        calibration=load_snapshot(root / first).calibration,
    )
    other = _other_pack(settings, info.precision)
    store = gallery_at(gallery, space_of(other.info))
    store.add([*_enrolled(other, workplace.selfies), *_stand_ins(other, stand_ins)], other.info.embedding_space)
    elsewhere = build_snapshot(root, store, now_ms, "bench")
    return ThreeSnapshots(first, second.name, elsewhere.name, f"{other.info.name}, {other.info.precision}")


def _other_pack(settings: Settings, precision: str) -> FacePack:
    """The ArcFace pack of the shared test data, added to the site's store; without it the open pack's other
    precision."""
    data = Path(os.environ.get("HADIR_TEST_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    source = data / "packs" / ARCFACE
    if not source.is_dir():
        return load_pack("open", "fp16" if precision == "int8" else "int8")
    now_ms = SystemClock().now_ms()
    accepted = Acceptance(licence_of(ARCFACE, source), getpass.getuser(), now_ms)
    stored = model_store(settings).add(ARCFACE, source, accepted, Origin(source.name), now_ms=now_ms)
    return load_pack(stored.folder)


def _enrolled(pack: FacePack, selfies: Sequence[Selfie]) -> list[Template]:
    """Everybody with the very photo that they sign with: this is about switching, not about accuracy."""
    results = pack.analyse([one.photo for one in selfies], ENROLMENT_PHOTOS)
    return [
        Template(hashlib.sha256(one.photo).hexdigest(), one.person, result.vector, 0)
        for one, result in zip(selfies, results, strict=True)
        if result.vector is not None
    ]


def _stand_ins(pack: FacePack, count: int) -> list[Template]:
    """People whose vectors point anywhere, so that a search is as long as among the others."""
    vectors = np.random.default_rng(SEED).standard_normal((count, pack.info.dimension)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return [
        Template(hashlib.sha256(vector.tobytes()).hexdigest(), f"elsewhere-{number:05d}", vector, 0)
        for number, vector in enumerate(as_unit_vectors(vectors))
    ]
