"""Impostor scores to thresholds, against a count by hand."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hadir.core.thresholds import CELLS, RATES
from hadir.core.vectors import Vectors, fuse, normalise
from hadir.index import impostor_counts
from hadir.index.calibration import GROUPS, Calibration, impostor_table
from hadir.index.calibration_file import calibration_from_json, calibration_to_json
from hadir.index.score_histogram import BIN_WIDTH


def people_of(sizes: list[int], seed: int = 0, dimension: int = 16) -> dict[str, Vectors]:
    rng = np.random.default_rng(seed)
    return {
        f"p{n:04d}": normalise(1 + rng.normal(size=dimension) + 0.3 * rng.normal(size=(size, dimension)))
        for n, size in enumerate(sizes)
    }


def impostor_scores(people: Mapping[str, Vectors], p: int, k: int) -> list[float]:
    """The definition, one comparison at a time."""
    scores = []
    for probe_person, photos in people.items():
        for start in range(0, len(photos) - p + 1, p):
            probe = fuse(photos[start : start + p])
            for person, others in people.items():
                if person != probe_person and len(others) >= k:
                    scores.append(float(probe @ fuse(others if k == 4 else others[:k])))
    return scores


@pytest.fixture(scope="module")
def mixed() -> tuple[dict[str, Vectors], Calibration]:
    people = people_of([1 + n % 6 for n in range(60)])
    return people, impostor_table(people)


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_the_definition_counted_one_by_one(
    mixed: tuple[dict[str, Vectors], Calibration], cell: str
) -> None:
    people, found = mixed
    p, k = (int(part) for part in cell.split("/"))
    scores = np.sort(impostor_scores(people, p, k))[::-1]
    assert found.cells[cell].comparisons == len(scores)
    threshold = found.table.get("1e-1", cell)
    assert threshold is not None
    allowed = int(len(scores) * 0.1)
    assert (scores >= threshold).sum() <= allowed
    assert threshold - scores[allowed] <= BIN_WIDTH


def test_scores_of_one_person_with_themselves_never_count() -> None:
    apart = {f"p{n:02d}": np.repeat(np.eye(40, dtype=np.float32)[n : n + 1], 4, axis=0) for n in range(40)}
    found = impostor_table(apart)
    assert {found.table.get("1e-1", cell) for cell in CELLS} == {BIN_WIDTH}


@pytest.mark.parametrize(("sizes", "supported"), [([1] * 18, True), ([1] * 17, False)])
def test_a_cell_below_30_over_rate_has_no_threshold(sizes: list[int], supported: bool) -> None:
    found = impostor_table(people_of(sizes))
    assert found.cells["1/1"].comparisons == len(sizes) * (len(sizes) - 1)
    assert (found.table.get("1e-1", "1/1") is not None) is supported
    assert found.table.get("5e-2", "1/1") is None


def test_cells_without_such_people_are_none_and_not_extrapolated() -> None:
    found = impostor_table(people_of([2] * 60))
    assert found.table.get("1e-2", "2/2") is not None
    for cell in CELLS:
        if "3" in cell or "4" in cell:
            assert {found.table.get(rate, cell) for rate in RATES} == {None}
            assert found.cells[cell].comparisons == 0


def test_thresholds_rise_as_the_rate_falls_and_with_fusion_on_either_side() -> None:
    table = impostor_table(people_of([4] * 120)).table
    for cell in CELLS:
        ladder = [table.get(rate, cell) for rate in RATES]
        known = [t for t in ladder if t is not None]
        assert known == sorted(known)
        assert ladder == known + [None] * (len(ladder) - len(known))
    single, probe, template = (table.get("1e-2", cell) for cell in ("1/1", "3/1", "1/3"))
    assert single is not None
    assert probe is not None
    assert template is not None
    assert single < min(probe, template)


def test_four_or_more_uses_all_photos_as_the_index_does() -> None:
    people = people_of([7] * 30)
    found = impostor_table(people)
    scores = np.sort(impostor_scores(people, 1, 4))[::-1]
    threshold = found.table.get("1e-1", "1/4")
    assert threshold is not None
    assert threshold == pytest.approx(scores[int(len(scores) * 0.1)], abs=2 * BIN_WIDTH)


def test_the_interval_lies_around_the_threshold_and_needs_enough_people() -> None:
    many, few = impostor_table(people_of([1] * 200)), impostor_table(people_of([20] * (GROUPS - 1)))
    threshold, interval = many.table.get("1e-2", "1/1"), many.interval95["1e-2"]["1/1"]
    assert threshold is not None
    assert interval is not None
    assert interval[0] < threshold < interval[1]
    assert few.table.get("1e-1", "1/1") is not None
    assert few.interval95["1e-1"]["1/1"] is None


def test_the_interval_is_the_jackknife_that_leaves_out_a_group_of_people_at_a_time() -> None:
    people = people_of([1] * 45)
    names = sorted(people)
    found = impostor_table(people, rates=("1e-1",))
    parts = []
    for group in range(GROUPS):
        stay = {name: people[name] for name in names if name not in names[group::GROUPS]}
        parts.append(impostor_table(stay, rates=("1e-1",)).table.get("1e-1", "1/1"))
    threshold, interval = found.table.get("1e-1", "1/1"), found.interval95["1e-1"]["1/1"]
    assert threshold is not None
    error = np.sqrt((GROUPS - 1) * np.var(np.array(parts, dtype=np.float64)))
    assert interval == pytest.approx((threshold - 2.093 * error, threshold + 2.093 * error))


def test_results_do_not_depend_on_the_size_of_a_block_beyond_rounding(monkeypatch: pytest.MonkeyPatch) -> None:
    people = people_of([2] * 60)
    whole = impostor_table(people, rates=("1e-1",))
    monkeypatch.setattr(impostor_counts, "MOST_SCORES", 3)
    parts = impostor_table(people, rates=("1e-1",))
    for cell in ("1/1", "1/2", "2/1", "2/2"):
        assert parts.table.get("1e-1", cell) == pytest.approx(whole.table.get("1e-1", cell), abs=1.01 * BIN_WIDTH)


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    truth = impostor_table(people_of([1] * 3000, seed=999), rates=("1e-2",)).table.get("1e-2", "1/1")
    assert truth is not None
    covered = 0
    for seed in range(20):
        interval = impostor_table(people_of([1] * 150, seed=seed), rates=("1e-2",)).interval95["1e-2"]["1/1"]
        assert interval is not None
        covered += interval[0] <= truth <= interval[1]
    assert covered >= 16


def test_order_of_the_mapping_does_not_matter() -> None:
    people = people_of([1 + n % 4 for n in range(50)])
    shuffled = dict(sorted(people.items(), key=lambda item: item[0][::-1]))
    assert calibration_to_json(impostor_table(people)) == calibration_to_json(impostor_table(shuffled))


def test_nobody_gives_an_empty_table() -> None:
    found = impostor_table({})
    assert all(found.table.get(rate, cell) is None for rate in RATES for cell in CELLS)


def test_vectors_that_are_not_unit_norm_are_refused() -> None:
    with pytest.raises(ValueError, match="norm"):
        impostor_table({"a": np.full((1, 4), 2.0, dtype=np.float32)})


def test_people_with_the_same_photo_get_a_threshold_that_nobody_passes() -> None:
    same = {f"p{n}": np.eye(4, dtype=np.float32)[:1] for n in range(20)}
    threshold = impostor_table(same).table.get("1e-1", "1/1")
    assert threshold is not None
    assert threshold > 1


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 5), min_size=0, max_size=40), seed=st.integers(0, 999))
def test_json_keeps_a_calibration_exactly(sizes: list[int], seed: int) -> None:
    found = impostor_table(people_of(sizes, seed), rates=("1e-1", "1e-2"))
    assert calibration_from_json(calibration_to_json(found)) == found


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema": 2}',
        b'{"schema": 1, "similarity": {"1e-9": {}}, "interval95": {}, "cells": {}}',
        b'{"schema": 1, "similarity": {"1e-3": {"1/1": 0.5}}, "interval95": {}, "cells": {}}',
        b'{"schema": 1, "similarity": [], "interval95": {}, "cells": {}}',
    ],
)
def test_json_that_is_no_table_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        calibration_from_json(content)


def test_a_threshold_out_of_range_is_refused() -> None:
    content = calibration_to_json(impostor_table(people_of([1] * 20), rates=("1e-1",)))
    found = impostor_table(people_of([1] * 20), rates=("1e-1",)).table.get("1e-1", "1/1")
    with pytest.raises(ValueError, match="cosine"):
        calibration_from_json(content.replace(f"{found}".encode(), b"-7.5"))
