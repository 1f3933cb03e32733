"""Who takes part in a run, what they show, and the settings of each member of the group."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks._selfies import take_selfies
from dev.token_pack import token
from hadir.app.demo_enrolment import build_index
from hadir.app.demo_site import write_site
from hadir.app.scenarios import UNITS
from hadir.app.stores import space_of
from hadir.core.clock import SystemClock
from hadir.core.errors import PackError
from hadir.faces.pack import FacePack
from hadir.faces.packs import load_pack
from hadir.index.galleries import gallery_at
from hadir.index.storage import Storage
from hadir.index.synthetic import draw_people, read_statistics
from hadir.index.templates import Template

__all__ = ["PARTITIONS", "ChaosSite", "World", "build_site"]

SEED = 20_261_124
PARTITIONS = 6
_JPEG_START = b"\xff\xd8"
_JPEG_COMMENT = b"\xff\xfe"


@dataclass(frozen=True, slots=True)
class World:
    """What one round runs on: addresses of log and ledger, brokers that hold each record, and the pool's kind."""

    bootstrap: str
    replication: int
    ledger: str
    pool: str


@dataclass(frozen=True, slots=True)
class ChaosSite:
    """`people` have a template each and are on the roster; `selfies` are theirs, empty where tokens stand for them."""

    folder: Path
    people: Sequence[str]
    selfies: Sequence[bytes]
    snapshot: str

    @property
    def vectors(self) -> Path | None:
        """What tokens name; None where photos are photos."""
        return None if self.selfies else self.folder / "vectors.npy"

    def photo(self, number: int, nonce: bytes) -> bytes:
        """A photo of that person as nobody has sent it before: the replay of the same bytes is another story."""
        if not self.selfies:
            return token(number, nonce)
        selfie = self.selfies[number]
        return _JPEG_START + _JPEG_COMMENT + (2 + len(nonce)).to_bytes(2, "big") + nonce + selfie[2:]

    def private_words(self) -> list[str]:
        """What no log may hold: some of the roster's NIPs, its names, and photos as a log would write them."""
        with (self.folder / "site" / "roster.csv").open(encoding="utf-8") as file:
            nips = [row["nip"] for row, _ in zip(csv.DictReader(file), range(50), strict=False)]
        return [*nips, "Pegawai ", "HADIR-TOKEN", "\\xff\\xd8\\xff", "/9j/"]

    def settings(self, place: Path, world: World) -> Path:
        """The file of one member: a run folder and heads of its own, the ledger of all."""
        place.mkdir(parents=True)
        files = {
            one: self.folder / "site" / f"{one}.csv" for one in ("roster", "units", "sites", "placements", "shifts")
        }
        sections: dict[str, dict[str, object]] = {
            "run": {"folder": str(place / "run"), "broker": "kafka", "pool": world.pool},
            "kafka": {"bootstrap": world.bootstrap, "partitions": PARTITIONS, "replication_factor": world.replication},
            "stores": {"snapshots": str(self.folder / "snapshots"), "case_photos": str(place.parent / "cases")},
            "attendance": {one: str(path) for one, path in files.items()},
            "ledger": {"url": world.ledger, "heads": str(place / "heads.jsonl"), "heads_every_s": 5.0},
            "pool": {"workers": 1},
            # Load made of variations of a few faces would flag itself; the rule runs and its finding is kept.
            "replay": {"near": "record"},
        }
        lines = [
            f"[{s}]\n" + "".join(f"{k} = {json.dumps(v)}\n" for k, v in keys.items()) for s, keys in sections.items()
        ]
        path = place / "hadir.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        return path


def build_site(folder: Path, people: int, tokens: bool) -> ChaosSite:
    """Enrol them and lay an open shift around now. With tokens their vectors are drawn as synthetic people's are, and
    enrolled as if they were real, which nothing but a test may do."""
    pack, now_ms = load_pack("open"), SystemClock().now_ms()
    folder.mkdir(parents=True)
    names, selfies, templates = _with_tokens(pack, folder, people) if tokens else _with_photos(pack, people)
    gallery_at(Storage(folder / "gallery"), space_of(pack.info)).add(templates, pack.info.embedding_space)
    snapshot = build_index(pack, folder / "gallery", folder / "snapshots", synthetic=0, now_ms=now_ms, seed=SEED)
    write_site(folder / "site", dict.fromkeys(names, UNITS[0]), now_ms, SEED)
    return ChaosSite(folder, names, selfies, snapshot)


def _with_photos(pack: FacePack, people: int) -> tuple[list[str], list[bytes], list[Template]]:
    selfies, templates = take_selfies(pack, people)
    return [one.person for one in selfies], [one.photo for one in selfies], templates


def _with_tokens(pack: FacePack, folder: Path, people: int) -> tuple[list[str], list[bytes], list[Template]]:
    info = pack.info
    if info.statistics is None:
        raise PackError(f"pack {info.name} has no statistics, so no vectors can be drawn in its space")
    vectors, _ = draw_people(read_statistics(info.statistics, info.precision), people, SEED)
    np.save(folder / "vectors.npy", vectors)
    names = [f"clerk-{number:06d}" for number in range(people)]
    templates = [
        Template(hashlib.sha256(vector.tobytes()).hexdigest(), name, vector, 0)
        for name, vector in zip(names, vectors, strict=True)
    ]
    return names, [], templates
