"""Do the pack's thresholds hold for people that they were not measured on?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.thresholds import ThresholdTable, cell_of
from hadir.core.vectors import Vectors, fuse

__all__ = ["HeldOut", "held_out_rates"]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Shares of comparisons of one photo with templates of `photos`, at the pack's threshold for `rate`."""

    rate: str
    photos: int
    similarity: float
    genuine: int
    impostors: int
    fmr: float
    fnmr: float


def held_out_rates(people: Mapping[str, Vectors], table: ThresholdTable, rates: Sequence[str]) -> list[HeldOut]:
    """Measured rates for templates of one and three photos, where the table has a threshold.

    The first photos of `people`, person to (photos, D) unit float32, make the template, all later ones are compared
    with everybody's; who has too few photos for that has a part on neither side.
    """
    return [
        _at(scores, own, rate, photos, threshold)
        for photos in (1, 3)
        for scores, own in [_compare(people, photos)]
        for rate in rates
        if (threshold := table.get(rate, cell_of(1, photos))) is not None
    ]


def _compare(people: Mapping[str, Vectors], photos: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores (probes, templates), and which of them compare a person with themselves."""
    vectors = [people[name] for name in sorted(people) if len(people[name]) > photos]
    templates = np.stack([fuse(one[:photos]) for one in vectors])
    probes = np.concatenate([one[photos:] for one in vectors])
    owners = np.repeat(np.arange(len(vectors)), [len(one) - photos for one in vectors])
    return probes @ templates.T, owners[:, None] == np.arange(len(vectors))[None, :]


def _at(scores: NDArray[np.float32], own: NDArray[np.bool_], rate: str, photos: int, similarity: float) -> HeldOut:
    passed = scores >= similarity
    genuine, impostors = passed[own], passed[~own]
    return HeldOut(
        rate, photos, similarity, genuine.size, impostors.size, float(impostors.mean()), float(1 - genuine.mean())
    )
