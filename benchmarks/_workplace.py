"""Everything that a station needs, in a folder of its own: people enrolled among 13,000, a site, an open shift."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks._rounds import say
from benchmarks._selfies import SEED, Selfie, in_another_light, take_selfies, write_selfies
from hadir.app.demo_site import write_site
from hadir.app.options import DEFAULTS
from hadir.app.scenarios import UNITS
from hadir.app.stores import space_of
from hadir.core.clock import SystemClock
from hadir.core.settings import Settings, load_settings
from hadir.faces.pack import PackInfo
from hadir.faces.packs import load_pack
from hadir.index.calibrate import calibrate
from hadir.index.galleries import gallery_at
from hadir.index.promotion import Note, promote_noted
from hadir.index.snapshot_build import build_snapshot
from hadir.index.storage import Storage
from hadir.index.synthetic import Statistics, draw_people, read_statistics
from hadir.index.templates import Template
from hadir.pipeline.stage_spec import StageSpec

__all__ = ["Workplace", "build_workplace"]


@dataclass(frozen=True, slots=True)
class Workplace:
    """`selfies` are also in `selfies_file`, in another light, for the processes that are measured beside the station.
    So many people are `alike`: they have the template of the same face."""

    folder: Path
    stage: StageSpec
    pack: str
    people: int
    selfies: Sequence[Selfie]
    alike: int = 1

    @property
    def signers(self) -> int:
        """How many people sign."""
        return len(self.selfies) * self.alike

    @property
    def selfies_file(self) -> Path:
        return self.folder / "selfies.msgpack"

    @property
    def gallery_file(self) -> Path:
        """All templates (N, D) float32, those of the selfies first and in their order: for a search outside Hadir."""
        return self.folder / "gallery.npy"

    def conditions(self) -> dict[str, object]:
        """What every figure of this workplace depends on."""
        mean_bytes = sum(len(one.photo) for one in self.selfies) / len(self.selfies)
        return {
            "photos": f"{len(self.selfies)} selfies of 480×640 px, {mean_bytes / 1000:.0f} kB on average, each time in "
            "another light: no near copies of each other",
            "people_who_sign": self.signers,
            "people_in_index": self.people,
            "pack": self.pack,
        }

    def morning(self, count: int) -> Iterator[Selfie]:
        """`count` selfies, one of everybody before a second one of anybody; 2 ms of processor time each."""
        rng = np.random.default_rng(SEED)
        for number, one in enumerate(islice(cycle(self.selfies), count)):
            person = _one_of(one.person, number // len(self.selfies) % self.alike)
            yield Selfie(person, in_another_light(one.photo, rng))

    def settings(self, run: str, broker: Literal["memory", "kafka"], bootstrap: str = "") -> Settings:
        """Of one run: its own ledger, notes and consumer group over the people of all."""
        place = self.folder / run
        place.mkdir()
        site = {
            name: self.folder / "site" / f"{name}.csv" for name in ("roster", "units", "sites", "placements", "shifts")
        }
        sections: dict[str, dict[str, object]] = {
            "run": {"folder": place, "broker": broker, "pool": "ray"},
            "kafka": {"group": f"hadir-bench-{run}", **({"bootstrap": bootstrap} if bootstrap else {})},
            "stores": {"snapshots": self.folder / "snapshots", "case_photos": place / "case-photos"},
            "faces": {"pack": self.stage.pack},
            # By chance some may look alike all the same: the rule runs, and is no verdict.
            "replay": {"near": "record"},
            "attendance": dict(site),
            "ledger": {"url": f"sqlite:///{place}/ledger.db", "heads": place / "ledger-heads.jsonl"},
        }
        lines = [
            f"[{section}]\n" + "\n".join(f"{key} = {json.dumps(str(value))}" for key, value in keys.items())
            for section, keys in sections.items()
        ]
        (place / "hadir.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load_settings(DEFAULTS, place / "hadir.toml")


def build_workplace(
    folder: Path, selfies: int, stand_ins: int, pack_name: str = "open", *, alike: int = 1
) -> Workplace:
    """Enrol `alike` people for each of so many selfies of real faces, among `stand_ins`, and take the selfies; half a
    minute for 13,000. `pack_name` is a name or a folder; where the pack has no statistics, stand-ins are drawn around
    the selfies' own templates."""
    say(f"enrolling {selfies * alike} people with real faces among {stand_ins:,} stand-ins")
    now_ms = SystemClock().now_ms()
    pack = load_pack(pack_name)
    info = pack.info
    taken, templates = take_selfies(pack, selfies)
    people = [_alike(template, number) for number in range(alike) for template in templates]
    others = _stand_ins(_statistics(info, templates), stand_ins)
    enrolled = [*people, *others]
    gallery = gallery_at(Storage(folder / "gallery"), space_of(info))
    gallery.add(enrolled, info.embedding_space)
    np.save(folder / "gallery.npy", np.stack([template.vector for template in enrolled]))
    # Nothing tells two people of one face apart: who looks alike must not say how alike strangers are.
    calibration = calibrate({one.person: one.vector[None] for one in others}, "1e-3", "off") if alike > 1 else None
    snapshots, made_by = folder / "snapshots", version("hadir")
    snapshot = build_snapshot(snapshots, gallery, now_ms, made_by, calibration=calibration).name
    promote_noted(snapshots, snapshot, Note(now_ms, "hadir bench", "the benchmark's people"))
    write_site(folder / "site", {template.person: UNITS[0] for template in people}, now_ms, SEED)
    stage = StageSpec(pack_name, "auto", str(snapshots / snapshot))
    workplace = Workplace(folder, stage, f"{info.name}, {info.precision}", len(enrolled), taken, alike)
    write_selfies(workplace.selfies_file, list(workplace.morning(selfies)))
    return workplace


def _one_of(person: str, number: int) -> str:
    """One of those who look like this person, who is the first of them."""
    return f"{person}-{number}" if number else person


def _alike(template: Template, number: int) -> Template:
    person = _one_of(template.person, number)
    return replace(template, id=hashlib.sha256(f"{template.id} {person}".encode()).hexdigest(), person=person)


def _statistics(info: PackInfo, templates: Sequence[Template]) -> Statistics:
    """The pack's own, or those of the selfies' templates, which are few faces: good for the length of a search only."""
    if info.statistics is not None:
        return read_statistics(info.statistics, info.precision)
    vectors = np.stack([template.vector for template in templates]).astype(np.float64)
    return Statistics(vectors.mean(axis=0), np.cov(vectors, rowvar=False))


def _stand_ins(statistics: Statistics, count: int) -> list[Template]:
    """Synthetic people who are enrolled as if they were real, which nothing but a benchmark may do: so a search is as
    long, a cohort as large and a calibration as full as in a city."""
    vectors, people = draw_people(statistics, count, SEED)
    return [
        Template(hashlib.sha256(vector.tobytes()).hexdigest(), one.person, vector, 0)
        for one, vector in zip(people, vectors, strict=True)
    ]
