"""Does normalisation help these people? Asked of people whose cohort does not hold them.

Everyone is dealt to one of two halves. In each half, one photo of everyone who has two or more is the probe, their
other photos are the template, and the *other* half's fused templates are the cohort. Thresholds at the rate are read
off the half's own impostor comparisons, for each number of template photos apart, as cosines and as z; what counts is
how many people are missed by either.

Half the cohort that will serve is a little less help than the whole, so the trial errs against normalisation.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.vectors import Vectors, as_unit_vectors, fuse
from hadir.index.calibration import ERRORS_WANTED
from hadir.index.impostor_counts import NORMALISED_RANGE
from hadir.index.impostor_sides import FOUR_OR_MORE
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.normalisation_choice import NEAREST, Trial
from hadir.index.score_histogram import BINS, MOST_SCORES, count_scores, reached, similarity_at

__all__ = ["LEAST_TESTED", "try_normalisation"]

LEAST_TESTED = 200
"""People with two photos below which a difference of a few per cent is noise."""

NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True, eq=False)
class _Half:
    """Probes and templates of the people tested, (N, D) and parallel, photos in each template, and both sides'
    statistics (N, 2)."""

    probes: Vectors
    templates: Vectors
    photos: NDArray[np.intp]
    near_probes: NDArray[np.float32]
    near_templates: NDArray[np.float32]


def try_normalisation(people: Mapping[str, Vectors], rate: str, k: int = NEAREST) -> Trial | None:
    """Compare both scales at `rate`; None where too few people have two photos, or none of their cells supports it.

    `people` is person to (photos, D) unit vectors. Takes a quarter of the time of a calibration.
    """
    photos = [as_unit_vectors(people[person]) for person in sorted(people)]
    missed = [_missed(_half(photos[half::2], photos[1 - half :: 2], k), float(rate)) for half in (0, 1)]
    cosine, normalised = (np.concatenate([one[scale] for one in missed]) for scale in (0, 1))
    if len(cosine) < LEAST_TESTED:
        return None
    change = normalised.astype(np.float64) - cosine
    error = NORMAL_95 * float(change.std()) / float(np.sqrt(len(change)))
    mean = float(change.mean())
    return Trial(rate, len(cosine), int(cosine.sum()), int(normalised.sum()), (mean - error, mean + error))


def _half(tested: Sequence[Vectors], others: Sequence[Vectors], k: int) -> _Half:
    several = [vectors for vectors in tested if len(vectors) > 1]
    dimension = tested[0].shape[1] if tested else 0
    nobody = np.empty((0, dimension), dtype=np.float32)
    probes = np.stack([vectors[-1] for vectors in several]) if several else nobody
    templates = np.stack([fuse(vectors[:-1]) for vectors in several]) if several else nobody
    cohort = np.stack([fuse(vectors) for vectors in others]) if others else nobody
    return _Half(
        probes,
        templates,
        np.array([min(len(vectors) - 1, FOUR_OR_MORE) for vectors in several], dtype=np.intp),
        cohort_statistics(probes, cohort, k),
        cohort_statistics(templates, cohort, k),
    )


def _missed(half: _Half, rate: float) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whether each person was missed by the cosine, and by z; of people in cells that support the rate."""
    cosine, normalised = [np.empty(0, dtype=np.bool_)], [np.empty(0, dtype=np.bool_)]
    for photos in np.unique(half.photos):
        columns = np.flatnonzero(half.photos == photos)
        if len(columns) * (len(half.probes) - 1) * rate < ERRORS_WANTED:
            continue
        thresholds, own = _compare(half, columns, rate)
        cosine.append(own[0] < thresholds[0])
        normalised.append(~(own[1] >= thresholds[1]))
    return np.concatenate(cosine), np.concatenate(normalised)


def _compare(
    half: _Half, columns: NDArray[np.intp], rate: float
) -> tuple[tuple[float, float], tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Thresholds of both scales, z in steps of the grid, and the scores of the columns' own people."""
    counts = np.zeros((2, BINS), dtype=np.int64)
    own = np.empty((2, len(columns)))
    step = max(1, MOST_SCORES // max(1, len(columns)))
    for start in range(0, len(half.probes), step):
        rows = np.arange(start, min(start + step, len(half.probes)))
        cosines = half.probes[rows] @ half.templates[columns].T
        probe, template = half.near_probes[rows, :, None], half.near_templates[None, columns]
        z = as_norm(cosines, probe[:, 0], probe[:, 1], template[..., 0], template[..., 1])
        same = rows[:, None] == columns[None, :]
        for place, scores in enumerate((cosines, (z / NORMALISED_RANGE).astype(np.float32))):
            impostors = scores[~same]
            counts[place] += count_scores(impostors[np.isfinite(impostors)])
            own[place, np.nonzero(same)[1]] = scores[same]
    cosine, normalised = (similarity_at(reached(one), rate) for one in counts)
    return (cosine, normalised), (own[0], own[1])
