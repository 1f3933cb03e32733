"""A gallery in another embedding space: every enrolled photo is looked at again, and nothing is lost unsaid.

Four steps, each of which may be the last before a kill: plan, embed (each finished chunk is kept), write the target's
gallery in one step, delete the chunks. Whoever starts again comes to the same bytes. People come and go meanwhile: who
was enrolled is caught up with before the end, and who was erased is not brought back by vectors that were on their way.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import structlog

from hadir.core.errors import ConfigError, GalleryError
from hadir.index.gallery import Gallery
from hadir.index.photo_store import PhotoStore
from hadir.index.reindex_chunks import ChunkFiles, EmbeddedPhoto
from hadir.index.reindex_plan import Coverage, ReindexPlan, coverage, plan_reindex
from hadir.index.space import EmbeddingSpace
from hadir.index.storage import Storage
from hadir.index.templates import Template
from hadir.pipeline.embedding import Embedder
from hadir.pipeline.photo_reads import PhotoReads

__all__ = ["FailedPhoto", "Held", "Reindexed", "Reindexing"]

_log = structlog.get_logger(__name__)

_WRITES_AT_ONCE = 2
_MOST_WRITES = 8
"""Chunks on their way to the disk: no worker waits for it, and no more are lost by a kill."""

Advance = Callable[[int], None]
"""Told after every so many photos, on the thread that runs."""


class Held(Protocol):
    """Whose photos are to be looked at: a gallery, or those of its people whom another one lacks."""

    @property
    def space(self) -> EmbeddingSpace: ...

    def templates(self) -> list[Template]: ...


@dataclass(frozen=True, slots=True)
class FailedPhoto:
    """An enrolled photo that has no template in the new space, and why."""

    person: str
    photo: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reindexed:
    """How the target stands against the source at the end, and what this run did for it."""

    people: int
    photos: int
    embedded: int
    resumed: int
    """Photos that an earlier run of the same plan had embedded."""
    already: int
    """Photos that had a template in the target before this run."""
    failed: tuple[FailedPhoto, ...]
    lost: tuple[str, ...]
    """People of whom the target has no template at all."""
    withdrawn: int
    """Vectors that were not kept, since their photo's template was erased meanwhile."""
    damaged_chunks: tuple[int, ...]
    """Kept chunks whose bytes were altered: embedded anew."""
    started_anew: tuple[str, ...]
    """Plans of other packs or other photos whose chunks were deleted."""


class Reindexing:
    """One source, one target, one place for chunks. Used by one thread, in a run folder that nobody else uses."""

    def __init__(self, source: Held, target: Gallery, photos: PhotoStore, chunks: Storage) -> None:
        self._source = source
        self._target = target
        self._photos = photos
        self._chunks = chunks
        self._ahead = 1
        self._failed: dict[tuple[str, str], str] = {}
        self._embedded = 0
        self._resumed = 0
        self._withdrawn = 0
        self._damaged: list[int] = []
        self._anew: list[str] = []

    def plan(self) -> ReindexPlan:
        """What is left to do. Raises GalleryError, StoreUnavailable."""
        held, there = self._source.templates(), self._target.templates()
        return plan_reindex(self._source.space, self._target.space, held, there)

    def kept(self, plan: ReindexPlan) -> int:
        """How many chunks of this plan an earlier run has left."""
        return ChunkFiles(self._chunks, plan).written()

    def run(self, embedder: Embedder, advance: Advance, ahead: int = 1) -> Reindexed:
        """To the end.

        `ahead`: as many chunks are read before a worker asks for them.

        Raises:
            PoolLost, StoreUnavailable, GalleryError: finished chunks are kept, a next run goes on from there.
        """
        self._ahead, already = ahead, None
        while True:
            held, there = self._source.templates(), self._target.templates()
            plan = plan_reindex(self._source.space, self._target.space, held, there)
            already = len(held) - len(plan.templates) if already is None else already
            if self._failed.keys() >= _keys(plan.templates):
                break
            self._embed_and_write(plan, embedder, advance)
        ChunkFiles(self._chunks, plan).remove_others()
        return self._account(coverage(held, there), already)

    def _embed_and_write(self, plan: ReindexPlan, embedder: Embedder, advance: Advance) -> None:
        files = ChunkFiles(self._chunks, plan)
        self._anew += files.remove_others()
        found: dict[str, EmbeddedPhoto] = {}
        for photos in self._embed(plan, files, embedder):
            found.update((photo.id, photo) for photo in photos)
            advance(len(photos))
        reasons = {_key(template): found[template.id].reason for template in plan.templates}
        self._failed |= {key: reason for key, reason in reasons.items() if reason is not None}
        self._write([_carried(t, found[t.id]) for t in plan.templates if reasons[_key(t)] is None])
        files.remove()

    def _embed(self, plan: ReindexPlan, files: ChunkFiles, embedder: Embedder) -> Iterator[Sequence[EmbeddedPhoto]]:
        """Every chunk's photos, in any order: those that are kept first, others when they are kept."""
        todo = []
        for number in range(plan.chunks):
            if (photos := self._resume(files, number)) is None:
                todo.append(number)
            else:
                self._resumed += len(photos)
                yield photos
        with PhotoReads(self._photos, self._ahead) as reads, ThreadPoolExecutor(_WRITES_AT_ONCE) as threads:
            writing: deque[tuple[Future[None], Sequence[EmbeddedPhoto]]] = deque()
            for chunk in embedder.embed(reads.chunks((number, plan.chunk(number)) for number in todo)):
                by_id = {photo.id: photo for photo in (*chunk.photos, *reads.unread.pop(chunk.number))}
                photos = [by_id[template.id] for template in plan.chunk(chunk.number)]
                writing.append((threads.submit(files.write, chunk.number, photos), photos))
                while writing and (writing[0][0].done() or len(writing) > _MOST_WRITES):
                    yield self._written(*writing.popleft())
            while writing:
                yield self._written(*writing.popleft())

    def _written(self, write: Future[None], photos: Sequence[EmbeddedPhoto]) -> Sequence[EmbeddedPhoto]:
        write.result()
        self._embedded += sum(photo.vector is not None for photo in photos)
        return photos

    def _resume(self, files: ChunkFiles, number: int) -> list[EmbeddedPhoto] | None:
        try:
            return files.read(number)
        except (ValueError, GalleryError, ConfigError) as err:
            _log.warning("reindex_chunk_refused", chunk=number, problem=str(err))
            self._damaged.append(number)
            return None

    def _write(self, templates: Sequence[Template]) -> None:
        """Add what is still enrolled; then look again, for whoever was erased in between."""
        held = _keys(self._source.templates())
        kept = [template for template in templates if _key(template) in held]
        if kept:
            self._target.add(kept, self._target.space.name)
        held &= _keys(self._source.templates())
        self._withdraw(_keys(kept) - held)
        self._withdrawn += len(_keys(templates) - held)

    def _withdraw(self, gone: Collection[tuple[str, str]]) -> None:
        there = self._target.templates() if gone else []
        for person in sorted({person for person, _ in gone}):
            rest = [template for template in there if template.person == person and _key(template) not in gone]
            self._target.replace(person, rest, self._target.space.name)

    def _account(self, stands: Coverage, already: int) -> Reindexed:
        failed = tuple(FailedPhoto(*key, self._failed[key]) for key in stands.missing)
        return Reindexed(
            people=stands.people,
            photos=stands.photos,
            embedded=self._embedded,
            resumed=self._resumed,
            already=already,
            failed=failed,
            lost=stands.lost,
            withdrawn=self._withdrawn,
            damaged_chunks=tuple(self._damaged),
            started_anew=tuple(dict.fromkeys(self._anew)),
        )


def _carried(old: Template, new: EmbeddedPhoto) -> Template:
    """The same enrolment, seen by another pack."""
    assert new.vector is not None
    return replace(old, vector=np.frombuffer(new.vector, dtype="<f4").astype(np.float32), face=new.face)


def _key(template: Template) -> tuple[str, str]:
    return template.person, template.id


def _keys(templates: Sequence[Template]) -> set[tuple[str, str]]:
    return {_key(template) for template in templates}
