"""How far must somebody else stand out before a check-in is called an impostor's?

The rule in question (`impostor_suspected`): the 1:1 comparison fails at `review_fmr`, the best other person passes
`identify_fmr` in their cell, and exceeds both the claimed person and the second-best other by the margin. The figures
here are what a margin costs and buys: how often an honest person whose own comparison fails is taken for somebody
else, how often a stranger to the gallery is, and how often a colleague is named rightly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hadir.core.thresholds import ThresholdTable, cell_of
from hadir.core.vectors import Vectors, fuse

__all__ = ["MARGINS", "MarginFigures", "measure_margins"]

MARGINS = (0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04)
REVIEW_RATE = "1e-2"
IDENTIFY_RATE = "1e-4"


@dataclass(frozen=True, slots=True)
class MarginFigures:
    """Shares of `probes` check-ins of one photo, each searched in `people` templates.

    `honest_accused`: the person claimed to be themselves. `stranger_accused`: their template was not in the gallery
    and they claimed to be somebody. `impostor_named` and `impostor_misnamed`: they claimed to be somebody else, and
    the rule named them, or a third person.
    """

    margin: float
    people: int
    probes: int
    honest_accused: float
    stranger_accused: float
    impostor_named: float
    impostor_misnamed: float


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """Scores (N, people), the thresholds of each template's cell, and each probe's own and (falsely) claimed column."""

    scores: NDArray[np.float32]
    review: NDArray[np.float64]
    identify: NDArray[np.float64]
    own: NDArray[np.intp]
    false_claim: NDArray[np.intp]


def measure_margins(people: Mapping[str, Vectors], table: ThresholdTable) -> list[MarginFigures]:
    """Figures for MARGINS. Everyone is in the gallery; those of two and more photos are probed with their last one.

    `people` is person to (photos, D) unit float32. A false claim is for the next person in the order of names, so
    that every run asks the same.

    Raises:
        ValueError: fewer than four people, or nobody has two photos.
    """
    probed = [row for row, name in enumerate(sorted(people)) if len(people[name]) >= 2]
    if len(people) < 4 or not probed:
        raise ValueError(f"{len(people)} people, {len(probed)} with two photos: at least four and one are needed")
    search = _search(people, probed, table)
    return [_figures(search, margin) for margin in MARGINS]


def _search(people: Mapping[str, Vectors], probed: Sequence[int], table: ThresholdTable) -> _Search:
    photos = [people[name] for name in sorted(people)]
    enrolled = [vectors[:-1] if len(vectors) >= 2 else vectors for vectors in photos]
    cells = [cell_of(1, len(vectors)) for vectors in enrolled]
    own = np.array(probed, dtype=np.intp)
    return _Search(
        scores=np.stack([photos[row][-1] for row in probed]) @ np.stack([fuse(vectors) for vectors in enrolled]).T,
        review=_thresholds(table, REVIEW_RATE, cells),
        identify=_thresholds(table, IDENTIFY_RATE, cells),
        own=own,
        false_claim=(own + 1) % len(photos),
    )


def _thresholds(table: ThresholdTable, rate: str, cells: Sequence[str]) -> NDArray[np.float64]:
    """A cell without a threshold takes the highest of its rate, as the product does; none at all passes nobody."""
    highest = table.highest(rate)
    known = [table.get(rate, cell) for cell in cells]
    return np.array([own if own is not None else np.inf if highest is None else highest for own in known])


def _figures(search: _Search, margin: float) -> MarginFigures:
    honest = _accused(search, search.scores, search.own, margin)
    without_own = search.scores.copy()
    without_own[np.arange(len(search.own)), search.own] = -1.0
    stranger = _accused(search, without_own, search.false_claim, margin)
    impostor = _accused(search, search.scores, search.false_claim, margin)
    return MarginFigures(
        margin=margin,
        people=search.scores.shape[1],
        probes=len(search.own),
        honest_accused=float((honest >= 0).mean()),
        stranger_accused=float((stranger >= 0).mean()),
        impostor_named=float((impostor == search.own).mean()),
        impostor_misnamed=float(((impostor >= 0) & (impostor != search.own)).mean()),
    )


def _accused(
    search: _Search, scores: NDArray[np.float32], claimed: NDArray[np.intp], margin: float
) -> NDArray[np.intp]:
    """The column that stands out for each probe, −1 where none does."""
    rows = np.arange(len(scores))
    claim = scores[rows, claimed]
    others = scores.copy()
    others[rows, claimed] = -1.0
    best = others.argmax(axis=1)
    top = others[rows, best]
    others[rows, best] = -1.0
    second = others.max(axis=1)
    stands_out = (claim < search.review[claimed]) & (top >= search.identify[best])
    stands_out &= (top - claim >= margin) & (top - second >= margin)
    return np.where(stands_out, best, -1)
