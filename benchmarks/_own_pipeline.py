"""A city, and a pipeline for each surge through it: real Kafka and PostgreSQL, `hadir run` in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks._conditions import cores
from benchmarks._rounds import say
from benchmarks._selfies import Selfie, write_selfies
from benchmarks._workplace import Workplace
from dev.kafka.node import missing_part
from dev.postgres import programs
from dev.surge_city import City, build_city, cast_in, city_settings
from dev.surge_parts import PARTITIONS, OwnPipeline
from hadir.app.surge_cast import Cast, Signer
from hadir.app.surge_rehearsal import OwnParts, SurgeOptions, rehearse
from hadir.app.wiring import serving
from hadir.core.errors import SetupError
from hadir.core.settings import Settings

__all__ = ["OwnCity", "faults_of", "found_city", "require_parts"]


@dataclass(frozen=True, slots=True)
class OwnCity:
    """People and pictures of all surges of a benchmark. Each surge gets a broker, a database and a station of its own,
    so that none finds what another has left."""

    folder: Path
    city: City
    cast: Cast
    size: int
    pool: str
    numbers: Iterator[int]

    @contextmanager
    def pipeline(
        self, before_start: Callable[[Settings], None] = lambda _: None
    ) -> Iterator[tuple[OwnPipeline, Callable[[SurgeOptions], dict[str, Any]]]]:
        """What runs, and how to send a surge through it, once: then its ledger is no empty one any more.
        `before_start` may fill the database before the station reads it."""
        place = self.folder / f"run-{next(self.numbers)}"
        place.mkdir()
        with OwnPipeline(place, postgres=True) as pipeline:
            pipeline.start_log()
            name = f"{place.name}.toml"
            settings = city_settings(
                self.city.folder,
                {
                    "run": {"folder": pipeline.run_folder, "broker": "kafka", "pool": self.pool},
                    "kafka": {"bootstrap": pipeline.bootstrap, "group": "hadir-bench"},
                    "ledger": {"url": pipeline.ledger_url, "heads": place / "ledger-heads.jsonl"},
                },
                name,
            )
            before_start(settings)
            pipeline.start_station(self.city.folder / name)
            own = OwnParts(pipeline, tuple, list, (), {})
            yield pipeline, lambda options: rehearse(settings, options, self.cast, own)

    def workplace(self) -> Workplace:
        """The same pictures, pack and snapshot for bare processes: the ceiling."""
        served = serving(city_settings(self.city.folder, {}, "ceiling.toml"))
        selfies = [Selfie(one.person, self.cast.photos[one.selfies[0]]) for one in self._one_per_picture()]
        workplace = Workplace(
            self.folder, served.stage, f"{served.pack.name}, {served.pack.precision}", self.size, selfies
        )
        write_selfies(workplace.selfies_file, selfies)
        return workplace

    def conditions(self) -> dict[str, object]:
        """What every figure depends on."""
        mean_bytes = sum(map(len, self.cast.photos)) / len(self.cast.photos)
        return {
            "photos": f"{len(self.cast.photos)} pictures, 480×640 px, {mean_bytes / 1000:.0f} kB, always a new file",
            "people_who_sign": len(self.city.people),
            "people_in_index": self.size,
            "broker": f"Apache Kafka, one node, {PARTITIONS} partitions",
            "ledger": "PostgreSQL, durable",
            "face_workers": cores(),
            "pool": self.pool,
            "generator": "on the same cores",
            "latency": "from the intended moment of sending to the verdict heard on its topic",
        }

    def _one_per_picture(self) -> list[Signer]:
        return [
            replace(self.cast.signers[face], selfies=(at,))
            for face in range(len(self.city.faces))
            for at in self.cast.signers[face].selfies
        ]


def require_parts() -> None:
    """Raises SetupError where there is no real Kafka or PostgreSQL: these figures are of both."""
    if (missing := missing_part()) is not None:
        raise SetupError(f"no real Kafka: {missing}")
    if programs() is None:
        raise SetupError("no PostgreSQL: apt-get install postgresql")


def found_city(folder: Path, people: int, size: int, photos: int, pool: str = "ray") -> OwnCity:
    """Enrol, index, and take the pictures; some twenty seconds."""
    require_parts()
    say(f"a city of {size:,} people, {people:,} of whom sign")
    city = build_city(folder, people, size, None, say)
    cast = cast_in(city, city_settings(folder, {}, "pictures.toml"), photos)
    return OwnCity(folder, city, cast, size, pool, count(1))


def faults_of(numbers: dict[str, Any]) -> int:
    """What went wrong with a surge: check-ins without a row, with two, or with a wrong one, and broken invariants."""
    broken = sum(one["holds"] is False for one in numbers["invariants"])
    return int(numbers["missing"] + numbers["doubled"] + numbers["wrong_verdicts"] + numbers["open"] + broken)
