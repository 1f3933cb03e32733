"""Thresholds of z, against the definition counted one comparison at a time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from hadir.core.thresholds import CELLS
from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index import impostor_counts, nearest_people
from hadir.index.calibration import Calibration, impostor_table, impostor_tables
from hadir.index.faiss_vectors import flat_vectors
from hadir.index.impostor_counts import NORMALISED_RANGE
from hadir.index.nearest_people import find_nearest
from hadir.index.normalisation import as_norm, cohort_statistics
from hadir.index.score_histogram import BIN_WIDTH

K = 6
STEP = NORMALISED_RANGE * BIN_WIDTH


def people_of(sizes: list[int], seed: int = 0) -> dict[str, Vectors]:
    rng = np.random.default_rng(seed)
    return {
        f"p{n:04d}": normalise(1 + rng.normal(size=16) + 0.3 * rng.normal(size=(size, 16)))
        for n, size in enumerate(sizes)
    }


def statistics(vector: Vectors, cohort: Mapping[str, Vectors], without: set[str]) -> tuple[float, float]:
    others = np.stack([fused for person, fused in cohort.items() if person not in without])
    mean, sd = cohort_statistics(vector[None, :], others, K)[0]
    return float(mean), float(sd)


def impostor_scores(people: Mapping[str, Vectors], p: int, k: int) -> list[float]:
    """z of every comparison, from cohorts that hold neither of both people."""
    cohort = {person: fuse(photos) for person, photos in people.items()}
    scores = []
    for prober, photos in people.items():
        for start in range(0, len(photos) - p + 1, p):
            probe = fuse(photos[start : start + p])
            for person, others in people.items():
                if person != prober and len(others) >= k:
                    template = fuse(others if k == 4 else others[:k])
                    sides = (statistics(side, cohort, {prober, person}) for side in (probe, template))
                    scores.append(float(as_norm(float(probe @ template), *next(sides), *next(sides))))
    return scores


@pytest.fixture(scope="module")
def mixed() -> tuple[dict[str, Vectors], Calibration, Calibration]:
    people = people_of([1 + n % 5 for n in range(45)])
    return people, *impostor_tables(people, K, ("1e-1",))


@pytest.mark.parametrize("cell", ["1/1", "1/3", "2/2", "2/4", "4/4"])
def test_every_cell_is_the_definition_counted_one_by_one(
    mixed: tuple[dict[str, Vectors], Calibration, Calibration], cell: str
) -> None:
    people, _, found = mixed
    p, k = (int(part) for part in cell.split("/"))
    scores = np.sort(impostor_scores(people, p, k))[::-1]
    threshold = found.table.get("1e-1", cell)
    if len(scores) < 300:
        assert threshold is None
        return
    assert threshold is not None
    allowed = int(len(scores) * 0.1)
    assert (scores >= threshold + 1e-4).sum() <= allowed
    assert threshold - scores[allowed] <= STEP + 1e-4


def test_the_cosines_beside_it_are_those_of_the_plain_table(
    mixed: tuple[dict[str, Vectors], Calibration, Calibration],
) -> None:
    people, found, _ = mixed
    assert found == impostor_table(people, ("1e-1",))


def test_blocks_change_nothing_beyond_rounding(
    mixed: tuple[dict[str, Vectors], Calibration, Calibration], monkeypatch: pytest.MonkeyPatch
) -> None:
    people, _, whole = mixed
    monkeypatch.setattr(impostor_counts, "MOST_SCORES", 3)
    monkeypatch.setattr(nearest_people, "_ROWS_AT_ONCE", 2)
    _, parts = impostor_tables(people, K, ("1e-1",))
    for cell in CELLS:
        one, other = (found.table.get("1e-1", cell) for found in (whole, parts))
        assert (one is None) == (other is None)
        assert one is None or other is None or abs(one - other) <= STEP


def test_the_nearest_are_told_with_and_without_each_of_them() -> None:
    people = people_of([1] * 20)
    cohort = np.concatenate(list(people.values()))
    near = find_nearest(cohort, np.arange(20, dtype=np.int32), flat_vectors(cohort), K)
    for row, vector in enumerate(cohort):
        kept = [n for n in range(20) if n != row]
        ranked = sorted(kept, key=lambda n: -float(vector @ cohort[n]))
        assert near.people[row].tolist() == ranked[:K]
        for place, left_out in enumerate(ranked[:K]):
            others = cohort[[n for n in kept if n != left_out]]
            mean, sd = cohort_statistics(vector[None, :], others, K)[0]
            assert near.scale_without[row, place] == pytest.approx(0.5 / sd, rel=1e-3)
            assert near.shift_without[row, place] == pytest.approx(0.5 * mean / sd, rel=1e-3)


def test_too_few_people_for_the_statistics_are_refused() -> None:
    with pytest.raises(ValueError, match="7 people in the cohort, expected 8"):
        impostor_tables(people_of([1] * 7), K)


def test_copies_without_a_spread_are_left_out_of_the_count() -> None:
    people = people_of([1] * 40)
    twins = {f"q{n}": people["p0000"] for n in range(K + 3)}
    _, found = impostor_tables({**people, **twins}, K, ("1e-1",))
    threshold = found.table.get("1e-1", "1/1")
    assert threshold is not None
    assert -NORMALISED_RANGE < threshold < NORMALISED_RANGE
