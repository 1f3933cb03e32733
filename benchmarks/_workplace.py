"""Everything that a station needs, in a folder of its own: people enrolled among 13,000, a site, an open shift."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks._rounds import say
from benchmarks._selfies import SEED, Selfie, take_selfies, write_selfies
from hadir.app.demo_enrolment import build_index
from hadir.app.demo_site import write_site
from hadir.app.options import DEFAULTS
from hadir.app.scenarios import UNITS
from hadir.app.stores import space_of
from hadir.core.clock import SystemClock
from hadir.core.errors import PackError
from hadir.core.settings import Settings, load_settings
from hadir.faces.pack import PackInfo
from hadir.faces.packs import load_pack
from hadir.index.galleries import gallery_at
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
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
            "attendance": dict(site),
            "ledger": {"url": f"sqlite:///{place}/ledger.db", "heads": place / "ledger-heads.jsonl"},
        }
        lines = [
            f"[{section}]\n" + "\n".join(f"{key} = {json.dumps(str(value))}" for key, value in keys.items())
            for section, keys in sections.items()
        ]
        (place / "hadir.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return load_settings(DEFAULTS, place / "hadir.toml")


def build_workplace(folder: Path, selfies: int, stand_ins: int) -> Workplace:
    """Enrol people with real faces among `stand_ins`, take their selfies; half a minute for 13,000."""
    say(f"enrolling {selfies} people with real faces among {stand_ins:,} stand-ins")
    now_ms = SystemClock().now_ms()
    pack = load_pack("open")
    info = pack.info
    taken, templates = take_selfies(pack, selfies)
    gallery_at(Storage(folder / "gallery"), space_of(info)).add(
        [*templates, *_stand_ins(info, stand_ins)], info.embedding_space
    )
    snapshot = build_index(pack, folder / "gallery", folder / "snapshots", synthetic=0, now_ms=now_ms, seed=SEED)
    write_site(folder / "site", {selfie.person: UNITS[0] for selfie in taken}, now_ms, SEED)
    stage = StageSpec("open", "auto", str(folder / "snapshots" / snapshot))
    workplace = Workplace(folder, stage, f"{info.name}, {info.precision}", selfies + stand_ins, taken)
    write_selfies(workplace.selfies_file, taken)
    return workplace


def _stand_ins(info: PackInfo, count: int) -> list[Template]:
    """Synthetic people who are enrolled as if they were real, which nothing but a benchmark may do: so a search is as
    long, a cohort as large and a calibration as full as in a city."""
    if info.statistics is None:
        raise PackError(f"pack {info.name} has no statistics, so no stand-ins can be drawn in its space")
    vectors, people = draw_people(read_statistics(info.statistics, info.precision), count, SEED)
    return [
        Template(hashlib.sha256(vector.tobytes()).hexdigest(), one.person, vector, 0)
        for one, vector in zip(people, vectors, strict=True)
    ]
