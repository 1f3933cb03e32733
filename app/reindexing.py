"""Settings to a re-embedding: which photos, whose pack, on what workers, in which folder."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from hadir.actors.embed_actor import cores_of_ray
from hadir.actors.leftovers import end_leftovers
from hadir.actors.reindex import RayEmbedder
from hadir.app.ray_cluster import cluster_of
from hadir.app.reindex_folder import reindex_chunks, reindex_folder
from hadir.app.run_folder import held
from hadir.app.serving_pack import pack_for_space, runtime_here
from hadir.app.stores import gallery_root, pack_folder, photo_store, space_of
from hadir.app.wiring import face_workers, runtime_of
from hadir.core.errors import GalleryError, InputError
from hadir.core.settings import Settings
from hadir.faces.open_pack import Choice
from hadir.faces.pack import PackInfo
from hadir.faces.packs import OPEN, load_pack
from hadir.index.durable import write_durably
from hadir.index.galleries import galleries, gallery_at, only_gallery
from hadir.index.gallery import Gallery
from hadir.index.lacking_people import LackingPeople
from hadir.index.manifest import read_manifest
from hadir.index.photo_store import PhotoStore
from hadir.index.pointers import read_pointers, snapshot_folder
from hadir.index.reindex_chunks import ChunkFiles
from hadir.index.reindex_plan import CHUNK_PHOTOS, coverage, plan_reindex
from hadir.index.space import EmbeddingSpace
from hadir.pipeline.embedding import Embedder, EmbedSpec, EnrolledPhoto, InlineEmbedder
from hadir.pipeline.reindexing import Held, Reindexed, Reindexing

__all__ = ["Forecast", "Job", "forecast", "job_of", "reindex", "source_gallery", "write_report"]

_SAMPLE_PHOTOS = 32
"""A tenth of a second of one worker, after as many that warm it up."""


@dataclass(frozen=True, slots=True)
class Job:
    """What `hadir reindex` is about to do: `pack`'s vectors of everything that `source` holds. `catches_up`: the pack
    serves already, and `source` are the people who are enrolled in other spaces alone."""

    pack: PackInfo
    spec: EmbedSpec
    source: Held
    folder: Path
    catches_up: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would find. `missing` are photos of which the store keeps nothing, by person and id; `altered` those
    of a short sample whose bytes are not what was enrolled (the others' nobody has read); `lost` people who would have
    no template after it. `one_worker` is its rate in that sample, None where there is nothing to do."""

    people: int
    photos: int
    already: int
    to_do: int
    resumed: int
    missing: tuple[tuple[str, str], ...]
    altered: tuple[tuple[str, str], ...]
    lost: tuple[str, ...]
    workers: int
    one_worker_photos_per_s: float | None

    @property
    def seconds(self) -> float | None:
        """As long as the workers together would take on cores that nobody else uses; starting takes ten more."""
        if self.one_worker_photos_per_s is None:
            return None
        return (self.to_do - self.resumed) / (self.one_worker_photos_per_s * self.workers)


def job_of(settings: Settings, pack: str | None, precision: Choice | None = None) -> Job:
    """Look at everything once, so that what is wrong is said before a worker starts.

    `pack` None is the one that serves: whom it lacks and another space holds is brought along. `precision` is of the
    new pack; without it the settings' for the open pack, and for others the one that they have.

    Raises:
        PackError, SnapshotError, GalleryError, InputError: one line that says what to do.
    """
    serves = source_gallery(settings)
    folder, wanted = _pack_and_precision(settings, pack, precision, serves.space)
    info = load_pack(folder, wanted, runtime_here(settings)).info
    spec = EmbedSpec(folder, wanted, info.embedding_space, runtime_of(settings))
    if info.embedding_space != serves.space.name:
        return Job(info, spec, serves, reindex_folder(settings))
    others = [gallery for gallery in galleries(gallery_root(settings)) if gallery.space.name != serves.space.name]
    lacking = LackingPeople(serves, others)
    if not lacking.people:
        raise InputError(
            f"pack {info.name} makes the vectors that serve already (space {serves.space.name[:16]}), and everybody "
            "enrolled is among them: name the pack that you want to change to"
        )
    return Job(info, spec, lacking, reindex_folder(settings), catches_up=True)


def _pack_and_precision(
    settings: Settings, pack: str | None, precision: Choice | None, serves: EmbeddingSpace
) -> tuple[str, Choice]:
    if pack is None:
        serving = pack_for_space(settings, serves)
        return serving.pack, serving.precision
    return pack_folder(settings, pack), precision or (settings.faces.precision if pack == OPEN else "auto")


def source_gallery(settings: Settings) -> Gallery:
    """The gallery that the current snapshot was built from; where none serves yet, the only one that there is.

    Raises:
        InputError: there is none, or several and none serves.
        SnapshotError: the pointers or the current snapshot are damaged.
    """
    root = Path(settings.stores.snapshots)
    current = read_pointers(root).current
    if current is None:
        return only_gallery(gallery_root(settings))
    return only_gallery(gallery_root(settings), read_manifest(snapshot_folder(root, current)).space.name)


def forecast(settings: Settings, job: Job, workers: int) -> Forecast:
    """Look, embed a sample of photos in this process, change nothing. Raises as `job_of`, and StoreUnavailable."""
    space = space_of(job.pack)
    held_now = job.source.templates()
    there = [t for g in galleries(gallery_root(settings)) if g.space.name == space.name for t in g.templates()]
    plan = plan_reindex(job.source.space, space, held_now, there)
    stored = set(photo_store(settings).ids())
    to_read = [template for template in plan.templates if template.id in stored]
    sample, altered = _sample(photo_store(settings), [template.id for template in to_read])
    possible = [*there, *(template for template in to_read if template.id not in altered)]
    found = coverage(held_now, possible)
    kept = ChunkFiles(reindex_chunks(settings), plan).written()
    return Forecast(
        people=found.people,
        photos=found.photos,
        already=found.photos - len(plan.templates),
        to_do=len(plan.templates),
        resumed=min(kept * CHUNK_PHOTOS, len(plan.templates)),
        missing=tuple((person, photo) for person, photo in found.missing if photo not in altered),
        altered=tuple((person, photo) for person, photo in found.missing if photo in altered),
        lost=found.lost,
        workers=_workers(settings, workers),
        one_worker_photos_per_s=_sample_rate(job, sample),
    )


def _sample(store: PhotoStore, ids: Sequence[str]) -> tuple[list[EnrolledPhoto], set[str]]:
    """Photos from the whole plan, and the ids of those among them that were altered."""
    photos, altered = [], set()
    for identity in ids[:: max(1, len(ids) // (2 * _SAMPLE_PHOTOS))][: 2 * _SAMPLE_PHOTOS]:
        try:
            content = store.read(identity)
        except GalleryError:
            altered.add(identity)
        else:
            photos += [] if content is None else [EnrolledPhoto(identity, content, None)]
    return photos, altered


def _sample_rate(job: Job, photos: Sequence[EnrolledPhoto]) -> float | None:
    """Photos per second of one process."""
    if not photos:
        return None
    stage = job.spec()
    warm, timed = photos[: len(photos) // 2], photos[len(photos) // 2 :]
    stage.embed(warm)
    start_s = time.perf_counter()
    stage.embed(timed)
    return len(timed) / (time.perf_counter() - start_s)


def reindex(
    settings: Settings, job: Job, workers: int, started: Callable[[int, int], Callable[[int], None]]
) -> Reindexed:
    """Do it. From the main thread.

    Args:
        settings: as for `hadir run`: with pool "inline" it is done in this process.
        job: from `job_of`.
        workers: as many, or 0 for one per core of this machine, or of the cluster that is joined.
        started: called with the photos to do and the workers when these are ready; what it returns is told how many
            photos are done.

    Raises:
        HadirError: it cannot start, or not go on; finished chunks are kept.
    """
    with held(job.folder):
        end_leftovers(job.folder)
        target = gallery_at(gallery_root(settings), space_of(job.pack))
        work = Reindexing(job.source, target, photo_store(settings), reindex_chunks(settings))
        if not (todo := len(work.plan().templates)):
            return work.run(InlineEmbedder(job.spec()), started(0, 0))
        with _embedder(settings, job, workers) as (embedder, count):
            return work.run(embedder, started(todo, count), ahead=count + 1)


def write_report(job: Job, document: Mapping[str, object]) -> Path:
    """Keep the report in the run folder, readable by its owner only; returns where."""
    path = job.folder / "report.json"
    write_durably(path, json.dumps(document, ensure_ascii=False, allow_nan=False, indent=2).encode() + b"\n")
    return path


@contextmanager
def _embedder(settings: Settings, job: Job, workers: int) -> Iterator[tuple[Embedder, int]]:
    if settings.run.pool == "inline":
        yield InlineEmbedder(job.spec()), 1
        return
    asked = _workers(settings, workers)
    cluster = cluster_of(settings.pool, job.folder, asked)
    if settings.pool.ray_address:
        asked = workers or cores_of_ray()
    try:
        embedder = RayEmbedder(cluster, job.spec, asked)
        try:
            embedder.start()
            yield embedder, asked
        finally:
            embedder.close()
    finally:
        cluster.close()


def _workers(settings: Settings, asked: int) -> int:
    return 1 if settings.run.pool == "inline" else asked or face_workers(settings)
