"""What it costs to know a photo that was sent before: the mark in the worker, the look-up in the driver, by how many
photos are remembered, against the models' own processor time for a photo in the same run."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from benchmarks._past_photos import PastPhotos, in_parts
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate, ratio, say
from benchmarks._selfies import SEED, take_selfies
from hadir.attendance.ledger import Ledger
from hadir.attendance.ledger_batch import RememberedPhoto
from hadir.attendance.ledger_photos import remember_photos
from hadir.attendance.photo_memory import PhotoMemory
from hadir.attendance.photo_replay import ReplayPolicy, SentPhoto
from hadir.core.clock import ManualClock
from hadir.faces.alignment import CHIP_PX
from hadir.faces.pack import CHECK_IN_PHOTOS
from hadir.faces.packs import load_pack
from hadir.faces.photo_mark import BY_MESH, face_mark

__all__ = ["ReplaySize", "measure"]

BARS = (Bar("mark_and_largest_over_models", "at most", 0.1),)
"""Issue 5: cheap enough to run on every check-in. Some .1 ms of 5."""

_NOW_MS = 1_790_000_000_000
_POLICY = ReplayPolicy(30 * 86_400_000, 20, near_decides=True)


@dataclass(frozen=True, slots=True)
class ReplaySize:
    """`remembered`: how many photos the ledger knows; 660,000 are thirty days of 11,000 people who come and go.
    `batch` check-ins are looked up and written together, `batches` times in each round; `selfies` are analysed."""

    remembered: tuple[int, ...] = (0, 100_000, 660_000)
    batch: int = 32
    batches: int = 20
    selfies: int = 32


def measure(rounds: int, size: ReplaySize = ReplaySize()) -> Report:
    """Every side in processor time: the machine may be busy with something else. One photo for each check-in, none of
    them known; marks are random, as different as faces' marks are from each other (a median of 122 bits of 256)."""
    pack = load_pack("open")
    photos = [one.photo for one in take_selfies(pack, size.selfies)[0]]
    chips = np.random.default_rng(SEED).integers(0, 256, (size.selfies, CHIP_PX, CHIP_PX, 3)).astype(np.uint8)
    sides: dict[str, Side] = {
        "models": _costs(lambda: pack.analyse(photos, CHECK_IN_PHOTOS), size.selfies),
        "mark": _costs(lambda: [face_mark(chip, BY_MESH) for chip in chips], size.selfies),
    }
    facts: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="hadir-bench-") as folder:
        desks = {count: _Desk(Path(folder) / f"{count}.db", count, size) for count in size.remembered}
        for count, desk in desks.items():
            facts |= {f"load_s_of_{count}": desk.load_s, f"memory_mb_of_{count}": desk.memory_mb}
            sides[f"look_up_among_{count}"] = _costs(desk.look_up, size.batch * size.batches)
            sides[f"remember_among_{count}"] = _costs(desk.write, size.batch * size.batches)
        figures = alternate(sides, rounds)
        for desk in desks.values():
            desk.ledger.close()
    largest, models = max(size.remembered), figures["models_us"]
    for name in ("mark", *(f"{what}_among_{count}" for what in ("look_up", "remember") for count in size.remembered)):
        figures[f"{name}_over_models"] = ratio(figures[f"{name}_us"], models)
    whole = ("mark", f"look_up_among_{largest}", f"remember_among_{largest}")
    together = zip(*(figures[f"{name}_over_models"].rounds for name in whole), strict=True)
    figures["mark_and_largest_over_models"] = Spread(tuple(map(sum, together)))
    conditions = {
        "remembered": list(size.remembered),
        "check_ins_looked_up_together": size.batch,
        "ledger": "SQLite",
        "clock": "processor time of this process",
        "rounds": rounds,
        **facts,
    }
    return Report("replay", conditions, figures, BARS)


class _Desk:
    """A ledger that remembers so many photos, and the memory of a process that has read them."""

    def __init__(self, path: Path, count: int, size: ReplaySize) -> None:
        say(f"a ledger that remembers {count:,} photos")
        self._size = size
        self.ledger = Ledger.open(f"sqlite:///{path}")
        self._past = PastPhotos(self.ledger, SEED + count)
        self._past.remember(count, _yesterday)
        self.memory = PhotoMemory(self.ledger.photos, _POLICY, ManualClock(_NOW_MS))
        before, start_s = psutil.Process().memory_info().rss, time.process_time()
        self.memory.load()
        self.load_s = round(time.process_time() - start_s, 3)
        self.memory_mb = round((psutil.Process().memory_info().rss - before) / 1e6, 1)

    def look_up(self) -> None:
        """As the judge does before it decides."""
        for together in self._batches():
            found = self.memory.replays([[photo] for photo in together])
            assert not any(found), "random marks are nobody's copies"

    def write(self) -> None:
        """What a transaction takes longer for the photos in it: one of them alone would cost a commit besides."""
        with self.ledger.photos._database.writing() as connection:
            for together in self._batches():
                remember_photos(connection, [RememberedPhoto(photo, replayed=False) for photo in together])

    def _batches(self) -> Iterator[list[SentPhoto]]:
        return in_parts(self._past.photos(self._size.batch * self._size.batches, _yesterday), self._size.batch)


def _yesterday(number: int) -> int:
    return _NOW_MS - 86_400_000 + number


def _costs(work: Callable[[], object], things: int) -> Side:
    """Microseconds of this process's processor time for each of `things`."""

    def side() -> dict[str, float]:
        start_s = time.process_time()
        work()
        return {"us": 1e6 * (time.process_time() - start_s) / things}

    return side


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.replay", measure, sys.argv[1:]))
