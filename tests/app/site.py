"""A small regency in a folder: photos, the CSV files of a site and the settings that name them."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hadir.app.demo_people import RealPerson
from hadir.app.demo_site import assign_units, write_site
from hadir.app.scenarios import SITE
from hadir.app.variation import encode_jpeg
from tests.app.command_line import Said, hadir

__all__ = ["HERE", "Site", "make_site"]

HERE = {"latitude_deg": SITE[0], "longitude_deg": SITE[1], "accuracy_m": 10}
"""A fix at the only site."""


@dataclass(frozen=True, slots=True)
class Site:
    """`unit` maps person to unit: on time, late, or without an open shift."""

    folder: Path
    unit: Mapping[str, str]

    @property
    def config(self) -> Path:
        return self.folder / "hadir.toml"

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def ledger(self) -> str:
        return f"sqlite:///{self.folder}/ledger.db"

    def photo(self, person: str) -> Path:
        return self.photos / person / "first.jpg"

    def __call__(self, *arguments: object) -> Said:
        """`hadir ARGUMENTS` with this site's settings."""
        return hadir(*arguments, "--config", self.config)

    def serve(self) -> None:
        """Enrol everybody and build the index."""
        assert self("enroll", self.photos).code in {0, 3}
        assert self("index", "build", "--promote").code == 0

    def list_of(self, rows: Iterable[Mapping[str, object]], name: str = "check-ins.csv") -> Path:
        """A CSV of check-ins, photo names relative to the folder of photos."""
        path, rows = self.photos / name, list(rows)
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, sorted({column for row in rows for column in row}))
            writer.writeheader()
            writer.writerows(rows)
        return path


def make_site(folder: Path, people: Sequence[RealPerson], now_ms: int, settings: str = "") -> Site:
    """Write everything; `settings` are further lines of TOML, whole sections."""
    unit = assign_units([person.person for person in people])
    write_site(folder / "site", unit, now_ms, seed=1)
    for person in people:
        place = folder / "photos" / person.person
        place.mkdir(parents=True)
        (place / "first.jpg").write_bytes(encode_jpeg(person.photos[0], 95))
    tables = "\n".join(
        f'{name} = "{folder}/site/{name}.csv"' for name in ("roster", "units", "sites", "placements", "shifts")
    )
    (folder / "hadir.toml").write_text(
        f'[run]\nfolder = "{folder}/run"\n'
        f'[stores]\nmodels = "{folder}/models"\nphotos = "{folder}/kept"\ngallery = "{folder}/gallery"\n'
        f'snapshots = "{folder}/snapshots"\n'
        f'case_photos = "{folder}/cases"\n'
        f"[attendance]\n{tables}\n"
        f'[ledger]\nurl = "sqlite:///{folder}/ledger.db"\nheads = "{folder}/heads.jsonl"\n{settings}',
        encoding="utf-8",
    )
    return Site(folder, unit)
