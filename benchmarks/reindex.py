"""How fast a gallery is embedded anew: photo store to gallery, against the models alone in bare processes."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from itertools import count, cycle, islice
from pathlib import Path

import msgspec
import numpy as np
import psutil

from benchmarks._bare_embedder import write_photos
from benchmarks._bare_process import BareProcess, work_together
from benchmarks._conditions import cores
from benchmarks._report import Report, run_benchmark
from benchmarks._rounds import Bar, Side, Spread, alternate, ratio, say
from benchmarks._selfies import SEED
from hadir.actors.cluster import LocalRay
from hadir.actors.reindex import RayEmbedder
from hadir.app.demo_people import people_in_packages
from hadir.app.stores import space_of
from hadir.app.variation import vary
from hadir.core.errors import SetupError
from hadir.core.vectors import normalise
from hadir.faces.packs import OPEN, load_pack
from hadir.index.gallery import Gallery, open_gallery
from hadir.index.photo_store import PhotoStore
from hadir.index.reindex_plan import CHUNK_PHOTOS
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template
from hadir.pipeline.embedding import EmbedSpec, EnrolledPhoto
from hadir.pipeline.reindexing import Reindexing

__all__ = ["ReindexSize", "measure"]

BARS = (Bar("job_of_ceiling", "at least", 0.85),)
"""The goal is .95."""

_PHOTOS_OF_ONE = 3
_SOURCE = EmbeddingSpace("bench-source", 64, "none", "none", "none")


@dataclass(frozen=True, slots=True)
class ReindexSize:
    """Different photos that each side embeds once a round, shared between as many processes as there are cores."""

    photos: int = 1536


@dataclass(frozen=True, slots=True)
class _Site:
    """A source gallery whose photos are kept; its vectors are noise, nothing looks at them."""

    folder: Path
    source: Gallery
    photos: PhotoStore
    bytes_each: float

    def photo_file(self, process: int) -> Path:
        return self.folder / f"share-{process}.msgpack"


def measure(rounds: int, size: ReindexSize = ReindexSize()) -> Report:
    """Workers are up on both sides before a round begins; what that takes is told beside."""
    info = load_pack(OPEN).info
    spec = EmbedSpec(OPEN, "auto", info.embedding_space)
    with ExitStack() as closers:
        folder = Path(closers.enter_context(tempfile.TemporaryDirectory(prefix="hadir-bench-")))
        site = _site(folder, size.photos, cores())
        start_s = time.perf_counter()
        ray = LocalRay.start(folder / "run", cores())
        closers.callback(ray.close)
        embedder = RayEmbedder(ray, spec, cores())
        closers.callback(embedder.close)
        embedder.start()
        start_up = Spread((time.perf_counter() - start_s,))
        bare = [_bare(spec, site.photo_file(process)) for process in range(cores())]
        for process in bare:
            closers.callback(process.close)
        job = _Job(site, space_of(info), embedder)
        say("one round of each to warm up")
        job()
        work_together(bare, passes=1)
        sides: dict[str, Side] = {"ceiling": lambda: _ceiling(bare, size.photos), "job": job}
        figures = alternate(sides, rounds)
    figures["job_of_ceiling"] = ratio(figures["job_photos_per_s"], figures["ceiling_photos_per_s"])
    figures["job_of_ceiling_by_cpu"] = ratio(figures["ceiling_cpu_ms_per_photo"], figures["job_cpu_ms_per_photo"])
    figures["job_start_up_s"] = start_up
    conditions = {
        "photos": f"{size.photos} different photos of 480×640 px, {site.bytes_each / 1000:.0f} kB on average",
        "pack": f"{info.name}, {info.precision}",
        "chunk_photos": CHUNK_PHOTOS,
        "processes": cores(),
        "threads_per_process": 1,
        "priority": "idle time only, both sides",
        "rounds": rounds,
    }
    return Report("reindex", conditions, figures, BARS)


class _Job:
    """All of `hadir reindex` but its start: plan, read, embed, keep chunks, write the gallery, delete the chunks."""

    def __init__(self, site: _Site, space: EmbeddingSpace, embedder: RayEmbedder) -> None:
        self._site, self._space, self._embedder = site, space, embedder
        self._numbers = count()

    def __call__(self) -> dict[str, float]:
        target = open_gallery(self._site.folder / f"target-{next(self._numbers)}", self._space)
        chunks = Storage(self._site.folder / "chunks")
        cpu_s, start_s = _cpu_s(), time.perf_counter()
        work = Reindexing(self._site.source, target, self._site.photos, chunks)
        done = work.run(self._embedder, lambda _: None, ahead=cores() + 1)
        seconds = time.perf_counter() - start_s
        if done.failed or done.embedded != done.photos:
            raise SetupError(f"{len(done.failed)} of {done.photos} photos failed: do not quote this figure")
        return {
            "photos_per_s": done.photos / seconds,
            "cpu_ms_per_photo": 1000 * (_cpu_s() - cpu_s) / done.photos,
        }


def _ceiling(bare: Sequence[BareProcess], photos: int) -> dict[str, float]:
    cpu_s = _cpu_s()
    found = work_together(bare, passes=1)
    return {"photos_per_s": found.photos_per_s, "cpu_ms_per_photo": 1000 * (_cpu_s() - cpu_s) / photos}


def _cpu_s() -> float:
    """Processor seconds of this process and all that it has started, Ray's included: which other load on the machine
    changes less than it changes time."""
    seconds = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            seconds += times.user + times.system
    return seconds


def _bare(spec: EmbedSpec, photos: Path) -> BareProcess:
    return BareProcess(
        "benchmarks._bare_embedder", [msgspec.json.encode(spec).decode(), str(photos), str(CHUNK_PHOTOS)]
    )


def _site(folder: Path, photos: int, shares: int) -> _Site:
    """Keep `photos` variations of the faces in installed packages, enrolled three to a person."""
    say(f"taking {photos} photos")
    rng, store = np.random.default_rng(SEED), PhotoStore(str(folder / "photos"))
    faces = islice(cycle(people_in_packages()), photos)
    contents = [vary(face.photos[0], rng) for face in faces]
    ids = [store.keep(content) for content in contents]
    vectors = normalise(rng.normal(size=(photos, _SOURCE.dimension)))
    source = open_gallery(folder / "source", _SOURCE)
    source.add(
        [Template(one, f"p{at // _PHOTOS_OF_ONE:05d}", vectors[at], 0) for at, one in enumerate(ids)], _SOURCE.name
    )
    site = _Site(folder, source, store, sum(map(len, contents)) / photos)
    _share(site, [EnrolledPhoto(i, c, None) for i, c in zip(ids, contents, strict=True)], shares)
    return site


def _share(site: _Site, photos: Sequence[EnrolledPhoto], shares: int) -> None:
    for process in range(shares):
        write_photos(site.photo_file(process), photos[process::shares])


if __name__ == "__main__":
    sys.exit(run_benchmark("benchmarks.reindex", measure, sys.argv[1:]))
