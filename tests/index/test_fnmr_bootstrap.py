"""Intervals by people: reproducible, and as wide as people differ."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from hadir.core.vectors import normalise
from hadir.index.comparisons import Comparisons, compare_all, compare_templates
from hadir.index.fnmr_bootstrap import DRAWS, fnmr_intervals
from hadir.index.scores import impostor_tail, score

RATE = 0.1
PEOPLE = 20


def compared(photos: int) -> Comparisons:
    rng = np.random.default_rng(4)
    rows = 1 + rng.normal(size=(PEOPLE, 1, 8)) + 1.2 * rng.normal(size=(PEOPLE, 4, 8))
    vectors, owners = normalise(rows.reshape(-1, 8)), np.repeat(np.arange(PEOPLE, dtype=np.int32), 4)
    return compare_all(vectors, owners) if photos == 1 else compare_templates(vectors, owners, photos)


def one_draw(pairs: Comparisons, drawn: NDArray[np.float64]) -> float:
    """The definition, one comparison at a time: each counts as often as its people were drawn."""
    scores = (pairs.probes @ pairs.templates.T).tolist()
    genuine: list[tuple[float, float]] = []
    impostor: list[tuple[float, float]] = []
    for i, row in enumerate(scores):
        for j, similarity in enumerate(row[: i if pairs.symmetric else None]):
            a, b = int(pairs.probe_owners[i]), int(pairs.template_owners[j])
            if a == b:
                genuine.append((similarity, float(drawn[a])))
            else:
                impostor.append((similarity, float(drawn[a] * drawn[b])))
    allowed = RATE * sum(weight for _, weight in impostor)
    reaching = 0.0
    for similarity, weight in sorted(impostor, reverse=True):
        reaching += weight
        if reaching > allowed + 1e-9:
            refused = sum(w for s, w in genuine if s <= similarity)
            return refused / sum(w for _, w in genuine)
    raise AssertionError("the rate is never exceeded")


@pytest.mark.parametrize("photos", [1, 2])
def test_every_draw_counts_a_comparison_as_often_as_its_people_were_drawn(photos: int) -> None:
    pairs = compared(photos)
    rng = np.random.default_rng(9)
    rates = []
    for _ in range(DRAWS):
        drawn = np.bincount(rng.integers(PEOPLE, size=PEOPLE), minlength=PEOPLE).astype(np.float64)
        rates.append(one_draw(pairs, drawn))
    (found,) = fnmr_intervals(pairs, score(pairs), impostor_tail(pairs, -1.0), [RATE], seed=9)
    assert found == pytest.approx(np.percentile(rates, [2.5, 97.5]), abs=2e-3)


def test_a_tail_of_twice_the_rate_is_enough() -> None:
    pairs = compared(1)
    scored = score(pairs)
    everything = impostor_tail(pairs, -1.0)
    cut = float(np.quantile(everything.scores, 1 - 2 * RATE))
    short = fnmr_intervals(pairs, scored, impostor_tail(pairs, cut), [RATE], seed=9)
    assert short == fnmr_intervals(pairs, scored, everything, [RATE], seed=9)
