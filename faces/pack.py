"""What a face pack is: photo in, finding and vector out, in one named embedding space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hadir.core.evidence import PhotoFinding
from hadir.core.thresholds import ThresholdTable

__all__ = ["CHECK_IN_PHOTOS", "ENROLMENT_PHOTOS", "FacePack", "PackInfo", "PhotoResult", "PhotoRules"]


@dataclass(frozen=True, slots=True)
class PhotoRules:
    """What may come in. `quality` False skips the quality reasons except `no_face` and takes the largest face."""

    shortest_side_px: int
    allow_pgm: bool
    quality: bool = True


CHECK_IN_PHOTOS = PhotoRules(shortest_side_px=160, allow_pgm=False)
ENROLMENT_PHOTOS = PhotoRules(shortest_side_px=80, allow_pgm=True)


@dataclass(frozen=True, slots=True)
class PhotoResult:
    """One photo: what was found, and its vector, (D,) float32 unit norm, where it is usable.

    `points_px` are the landmarks for drawing, (M, 2) float32 in the photo's pixels.
    """

    finding: PhotoFinding
    vector: NDArray[np.float32] | None
    points_px: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class PackInfo:
    """What is known about a pack without running it."""

    name: str
    licence: str
    embedding_space: str
    dimension: int
    precision: str
    thresholds: ThresholdTable
    identify_margin: float
    files: Mapping[str, str] = field(default_factory=dict)
    runtime: str = "cpu"
    """Where its recogniser really runs."""
    statistics: Path | None = None
    """An .npz of real vectors' mean and covariance, float64: `mean_<precision>` (D,), `covariance_<precision>` (D, D)
    for every precision of the pack; None where unknown."""


class FacePack(Protocol):
    """Models and preprocessing assembled. One instance belongs to one thread; it holds sessions and is never
    pickled."""

    @property
    def info(self) -> PackInfo:
        """Identity, licence and thresholds."""
        ...

    def analyse(self, photos: Sequence[bytes], rules: PhotoRules) -> list[PhotoResult]:
        """Encoded images (JPEG, PNG; PGM where the rules allow) to results of the same length and order.

        Blocks for the computation. Untrusted bytes never raise: a photo that cannot be used is a finding with its code.
        What is batched inside is this pack's policy for its runtime.
        """
        ...
