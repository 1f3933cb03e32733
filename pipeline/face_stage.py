"""What a worker does with a batch: photos to vectors in one call, probes to similarities in one search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from hadir.core.errors import SpaceMismatch
from hadir.core.evidence import Cohort, FaceFinding
from hadir.core.timings import StageClock, StageName, Timed
from hadir.core.vectors import Vectors, fuse
from hadir.faces.pack import CHECK_IN_PHOTOS, FacePack, PhotoResult, PhotoRules
from hadir.index.search import FaceIndex, SearchResult
from hadir.index.template_cohorts import TemplateCohorts
from hadir.pipeline.impostor_watch import ImpostorWatch
from hadir.pipeline.ports import FaceJob

__all__ = ["FaceStage"]


class FaceStage:
    """A pack and a snapshot's index in one embedding space. Belongs to the thread that built it, as its pack does."""

    def __init__(
        self,
        pack: FacePack,
        index: FaceIndex,
        snapshot: str,
        rules: PhotoRules = CHECK_IN_PHOTOS,
        *,
        cohort: int = 100,
        cohorts: TemplateCohorts | None = None,
        watch: ImpostorWatch | None = None,
    ) -> None:
        """`snapshot` is the index's name, kept with every verdict; `cohorts` where it normalises scores. Raises
        SpaceMismatch at once, not at the first photo."""
        if pack.info.embedding_space != index.embedding_space:
            raise SpaceMismatch(
                f"pack {pack.info.name} makes vectors of space {pack.info.embedding_space}, snapshot {snapshot} holds "
                f"{index.embedding_space}: build a snapshot with this pack, or use the snapshot's"
            )
        self._pack = pack
        self._index = index
        self._snapshot = snapshot
        self._rules = rules
        self._cohorts = cohorts
        self._watch = watch
        self._clock = StageClock()
        self._nearest = cohort if cohorts is None else cohorts.k
        self._searched = cohort if cohorts is None else max(cohort, cohorts.k + 1)

    def process(self, jobs: Sequence[FaceJob]) -> list[FaceFinding]:
        """Findings of the same length and order. Blocks for the computation; untrusted bytes never raise."""
        if not jobs:
            return []
        photos = self._analyse(jobs)
        vectors = [_usable(results) for results in photos]
        self._clock.start()
        answers = self._search(jobs, vectors)
        self._clock.lap(StageName.SEARCH)
        return [
            self._finding(results, usable, answer)
            for results, usable, answer in zip(photos, vectors, answers, strict=True)
        ]

    def spent(self) -> Mapping[StageName, float]:
        """As `hadir.core.timings.Timed`; the pack's stages where it measures them."""
        return {**(self._pack.spent() if isinstance(self._pack, Timed) else {}), **self._clock.spent()}

    def _analyse(self, jobs: Sequence[FaceJob]) -> list[list[PhotoResult]]:
        flat = [photo for job in jobs for photo in job.photos]
        results = self._pack.analyse(flat, self._rules)
        if len(results) != len(flat):
            raise ValueError(f"the pack gave {len(results)} results for {len(flat)} photos")
        following = iter(results)
        return [[next(following) for _ in job.photos] for job in jobs]

    def _search(self, jobs: Sequence[FaceJob], vectors: Sequence[Vectors | None]) -> list[SearchResult]:
        # Where nothing is usable any direction serves: the search then only tells whether the person is enrolled.
        nothing = np.eye(1, self._pack.info.dimension, dtype=np.float32)[0]
        probes = np.stack([nothing if usable is None else fuse(usable) for usable in vectors])
        claimed = [job.person for job in jobs]
        answers = self._index.search(probes, claimed, self._pack.info.embedding_space, self._searched)
        return answers if self._cohorts is None else [self._cohorts.normalised(answer) for answer in answers]

    def _finding(self, results: Sequence[PhotoResult], usable: Vectors | None, answer: SearchResult) -> FaceFinding:
        found = usable is not None
        return FaceFinding(
            photos=tuple(result.finding for result in results),
            usable=len(usable) if usable is not None else 0,
            agreement=_agreement(usable),
            enrolled=answer.claimed is not None,
            claimed=answer.claimed if found else None,
            others=answer.others if found else (),
            cohort=_cohort(answer.cohort[: self._nearest]) if found else None,
            embedding_space=self._pack.info.embedding_space,
            snapshot=self._snapshot,
            impostors=self._watch.count(answer, len(usable)) if usable is not None and self._watch else None,
        )


def _usable(results: Sequence[PhotoResult]) -> Vectors | None:
    """The vectors of the usable photos, (N, D), None where there are none."""
    vectors = [result.vector for result in results if result.vector is not None and result.finding.code is None]
    return np.stack(vectors) if vectors else None


def _agreement(usable: Vectors | None) -> float | None:
    """The lowest cosine between two usable photos."""
    if usable is None or len(usable) < 2:
        return None
    upper = np.triu_indices(len(usable), k=1)
    return float((usable @ usable.T)[upper].min())


def _cohort(cosines: NDArray[np.float32]) -> Cohort | None:
    """In float64, where the difference of squares loses nothing that counts; a third of the time of `std`."""
    size = len(cosines)
    if size == 0:
        return None
    scores = cosines.astype(np.float64)
    mean = float(scores.sum()) / size
    return Cohort(size, mean, sqrt(max(0.0, float(scores @ scores) / size - mean * mean)))
