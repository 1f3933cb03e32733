"""`hadir reindex` as a program on a real Ray, killed at random moments: the same bytes at the end, and no Ray left."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import psutil
import pytest

from hadir.app.demo_people import RealPerson
from hadir.app.options import settings_of
from hadir.app.stores import gallery_root
from hadir.app.variation import vary
from hadir.index.galleries import galleries
from hadir.index.reindex_plan import CHUNK_PHOTOS
from tests.app.programs import LOOK_S, PATIENCE_S, Program, program
from tests.app.site import Site, make_site

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]

FP16 = ("--pack", "open", "--precision", "fp16")
PHOTOS = 224
"""Some of which enrolment refuses: six chunks are left."""
VICTIMS = ("driver",) * 5 + ("worker",) * 3 + ("raylet", "gcs_server")
"""Ten kills."""
CODES = {"driver": {0, -signal.SIGKILL}, "worker": {0}, "raylet": {0, 1}, "gcs_server": {0, 1}}
"""What the command then ends with; 0 where it was done before. A worker is replaced, Ray itself is not."""
SEED = 20_261_124


class Kills:
    """A site of six chunks, and one `hadir reindex` after the other."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.run_folder = site.folder / "run-reindex"
        self.temp_folders: set[str] = set()

    @property
    def chunks_in_all(self) -> int:
        return -(-len(self.held("int8")) // CHUNK_PHOTOS)

    def held(self, precision: str) -> set[tuple[str, str]]:
        """Everybody's photos in that space."""
        found = galleries(gallery_root(settings_of(self.site.config)))
        return {(t.person, t.id) for g in found if g.space.precision == precision for t in g.templates()}

    def chunks(self) -> int:
        """Files of finished chunks that are there now."""
        return len(list((self.run_folder / "chunks").glob("[!.]*-*")))

    def is_done(self) -> bool:
        return self.held("fp16") == self.held("int8")

    def run_to_the_end(self, name: str) -> dict[str, int]:
        with self.command(name) as running:
            self.await_moment(running, lambda: False)
            assert running.process.wait() == 0, running.err()[-800:]
            return {"resumed": json.loads(running.out())["resumed"]}

    def kill_in_the_middle(self, name: str, kind: str, chunks: int, delay_s: float) -> None:
        """Kill one process when so many chunks are there (-2: at once, -1: as soon as there is a Ray), or soon after;
        return when the command has ended."""
        with self.command(name) as running:
            if chunks >= -1:
                self.await_moment(running, lambda: bool(self.note_ray()) and self.chunks() >= chunks)
            time.sleep(delay_s)
            if (victim := self.victim(running, kind)) is not None:
                victim.kill()
            self.await_moment(running, lambda: False)
            assert running.process.wait() in CODES[kind], running.err()[-800:]

    def command(self, name: str) -> AbstractContextManager[Program]:
        return program("reindex", *FP16, "--config", self.site.config, "--json", folder=self.site.folder / name)

    def await_moment(self, running: Program, there: Callable[[], bool]) -> None:
        """Returns early where the program has ended."""
        until_s = time.monotonic() + 4 * PATIENCE_S
        while running.process.poll() is None and not there():
            self.note_ray()
            assert time.monotonic() < until_s, f"nothing happened: {running.err()[-800:]}"
            time.sleep(LOOK_S / 10)

    def note_ray(self) -> list[int]:
        """The processes of the Ray that runs now."""
        try:
            notes = json.loads((self.run_folder / "ray.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return []
        self.temp_folders.add(notes["temp_folder"])
        return [pid for pid, _ in notes["processes"]]

    def victim(self, running: Program, kind: str) -> psutil.Process | None:
        if kind == "driver":
            return psutil.Process(running.process.pid)
        for pid in self.note_ray():
            try:
                process = psutil.Process(pid)
                if process.name() == kind or (kind == "worker" and "EmbedActor" in " ".join(process.cmdline())):
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def ray_left(self) -> list[psutil.Process]:
        """Processes of any Ray that these commands have started."""
        running = [(process, " ".join(process.info["cmdline"] or ())) for process in psutil.process_iter(["cmdline"])]
        return [process for process, line in running if any(folder in line for folder in self.temp_folders)]

    def target(self) -> Path:
        (folder,) = [
            self.site.folder / "gallery" / gallery.space.name
            for gallery in galleries(gallery_root(settings_of(self.site.config)))
            if gallery.space.precision == "fp16"
        ]
        return folder

    def outcome(self) -> tuple[str, str, str]:
        """Of the gallery: every file's bytes; of a snapshot built from it: its id and the bytes of its index."""
        snapshot = self.site("index", "build", "--space", self.target().name, "--json").document()
        folder = Path(snapshot["folder"])
        index = _digest([path for path in folder.iterdir() if path.name != "manifest.json"])
        shutil.rmtree(folder)
        return _digest([p for p in self.target().iterdir() if p.suffix != ".lock"]), snapshot["snapshot"], index

    def forget(self) -> None:
        """As if no run had ever been made."""
        shutil.rmtree(self.target())
        shutil.rmtree(self.run_folder, ignore_errors=True)


def _digest(files: list[Path]) -> str:
    content = [(path.name, path.read_bytes()) for path in sorted(files)]
    return hashlib.sha256(repr(content).encode()).hexdigest()


@pytest.fixture
def kills(people: list[RealPerson], tmp_path: Path) -> Kills:
    """Enrolled in int8, which serves."""
    site = make_site(tmp_path, people, round(time.time() * 1000), '[faces]\nprecision = "int8"\n')
    rng = np.random.default_rng(SEED)
    for number in range(PHOTOS):
        person = people[number % len(people)]
        (site.photos / person.person / f"{number:03d}.jpg").write_bytes(vary(person.photos[0], rng))
    site.serve()
    return Kills(site)


@pytest.mark.parametrize("times", [3, pytest.param(len(VICTIMS), marks=pytest.mark.long)])
def test_whatever_is_killed_whenever_ends_with_the_same_bytes_and_no_ray(kills: Kills, times: int) -> None:
    assert kills.run_to_the_end("undisturbed") == {"resumed": 0}
    undisturbed = kills.outcome()
    kills.forget()
    rng = random.Random(SEED)
    for number, kind in enumerate(rng.sample(VICTIMS, times)):
        earliest, latest = (-2, kills.chunks_in_all) if kind == "driver" else (0, kills.chunks_in_all - 2)
        chunks, delay_s = rng.randint(earliest, latest), rng.random() * 0.1
        print(f"kill {number} of seed {SEED}: {kind}, {delay_s:.3f} s after {chunks} chunks")  # noqa: T201
        kills.kill_in_the_middle(f"killed-{number}", kind, chunks, delay_s)
        if kills.is_done():
            assert kills.outcome() == undisturbed
            kills.forget()
    kills.run_to_the_end("last")
    assert kills.outcome() == undisturbed
    assert kills.ray_left() == []
    assert list((kills.run_folder / "chunks").iterdir()) == []
