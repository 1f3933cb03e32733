"""Everything that a station needs, in a folder of its own: people enrolled among 13,000, a site, an open shift."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import numpy as np

from benchmarks._rounds import say
from benchmarks._selfies import SEED, Selfie, take_selfies, write_selfies
from hadir.app.demo_site import write_site
from hadir.app.options import DEFAULTS
from hadir.app.scenarios import UNITS
from hadir.app.stores import space_of
from hadir.core.clock import SystemClock
from hadir.core.settings import Settings, load_settings
from hadir.faces.pack import PackInfo
from hadir.faces.packs import load_pack
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
    """`selfies` are also in `selfies_file`, for the processes that are measured beside the station."""

    folder: Path
    stage: StageSpec
    pack: str
    people: int
    selfies: Sequence[Selfie]

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
            "photos": f"{len(self.selfies)} different selfies of 480×640 px, {mean_bytes / 1000:.0f} kB on average",
            "people_in_index": self.people,
            "pack": self.pack,
        }

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
            # A few hundred pictures over and over look alike, as no morning's do: the rule runs, and is no verdict.
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


def build_workplace(folder: Path, selfies: int, stand_ins: int, pack_name: str = "open") -> Workplace:
    """Enrol people with real faces among `stand_ins`, take their selfies; half a minute for 13,000. `pack_name` is a
    name or a folder; where the pack has no statistics, stand-ins are drawn around the selfies' own templates."""
    say(f"enrolling {selfies} people with real faces among {stand_ins:,} stand-ins")
    now_ms = SystemClock().now_ms()
    pack = load_pack(pack_name)
    info = pack.info
    taken, templates = take_selfies(pack, selfies)
    enrolled = [*templates, *_stand_ins(_statistics(info, templates), stand_ins)]
    gallery = gallery_at(Storage(folder / "gallery"), space_of(info))
    gallery.add(enrolled, info.embedding_space)
    np.save(folder / "gallery.npy", np.stack([template.vector for template in enrolled]))
    snapshot = build_snapshot(folder / "snapshots", gallery, now_ms, version("hadir")).name
    promote_noted(folder / "snapshots", snapshot, Note(now_ms, "hadir bench", "the benchmark's people"))
    write_site(folder / "site", {selfie.person: UNITS[0] for selfie in taken}, now_ms, SEED)
    stage = StageSpec(pack_name, "auto", str(folder / "snapshots" / snapshot))
    workplace = Workplace(folder, stage, f"{info.name}, {info.precision}", selfies + stand_ins, taken)
    write_selfies(workplace.selfies_file, taken)
    return workplace


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
