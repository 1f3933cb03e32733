"""What a margin costs and buys, on people whose similarities are known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from dev.identify_margin import MARGINS, MarginFigures, measure_margins
from hadir.core.thresholds import CELLS, ThresholdTable
from hadir.core.vectors import Vectors

TABLE = ThresholdTable({"1e-2": dict.fromkeys(CELLS, 0.8), "1e-4": dict.fromkeys(CELLS, 0.9)})


def _axis(number: int, *others: tuple[int, float]) -> NDArray[np.float64]:
    """A unit vector near axis `number`, leaning towards other axes by the given cosines."""
    vector = np.zeros(8)
    for other, lean in others:
        vector[other] = lean
    vector[number] = np.sqrt(1 - np.square(vector).sum())
    return vector


def _photos(*vectors: NDArray[np.float64]) -> Vectors:
    return np.stack(vectors).astype(np.float32)


def _at(people: dict[str, Vectors], margin: float, table: ThresholdTable = TABLE) -> MarginFigures:
    return next(figures for figures in measure_margins(people, table) if figures.margin == margin)


def _strangers(count: int) -> dict[str, Vectors]:
    return {f"single {number}": _photos(_axis(number + 2)) for number in range(count)}


def test_everyone_like_themselves_only_is_never_accused_and_always_named() -> None:
    people = {"a": _photos(_axis(0), _axis(0)), "b": _photos(_axis(1), _axis(1)), **_strangers(3)}
    figures = _at(people, 0.02)
    assert (figures.people, figures.probes) == (5, 2)
    assert figures.honest_accused == figures.stranger_accused == figures.impostor_misnamed == 0.0
    assert figures.impostor_named == 1.0


def test_an_honest_person_whose_photo_looks_like_another_is_accused_only_below_the_margin() -> None:
    """The probe of `a`: cosine .21 to themselves, .98 to `b`, and in the second gallery .97 to `c`."""
    probe = _axis(1, (0, 0.21))
    people = {"a": _photos(_axis(0), probe), "b": _photos(_axis(1)), **_strangers(3)}
    assert _at(people, 0.04).honest_accused == 1.0
    twins = {"a": _photos(_axis(0), probe), "b": _photos(_axis(1)), "c": _photos(_axis(1, (2, 0.1))), **_strangers(3)}
    assert _at(twins, 0.0).honest_accused == 1.0
    assert _at(twins, 0.02).honest_accused == 0.0


def test_a_comparison_that_passes_at_the_review_rate_accuses_nobody() -> None:
    probe = _axis(1, (0, 0.69))
    loose = ThresholdTable({"1e-2": dict.fromkeys(CELLS, 0.6), "1e-4": dict.fromkeys(CELLS, 0.7)})
    people = {"a": _photos(_axis(0), probe), "b": _photos(_axis(1)), **_strangers(3)}
    assert _at(people, 0.0, loose).honest_accused == 0.0


def test_a_stranger_is_accused_of_being_the_person_they_resemble() -> None:
    people = {"a": _photos(_axis(0), _axis(0)), **_strangers(3), "z": _photos(_axis(0, (1, 0.3)))}
    figures = _at(people, 0.02)
    assert figures.stranger_accused == 1.0
    assert figures.honest_accused == 0.0


def test_a_rate_that_nothing_supports_accuses_nobody() -> None:
    none = ThresholdTable({"1e-2": dict.fromkeys(CELLS, 0.8), "1e-4": dict.fromkeys(CELLS, None)})
    people = {"a": _photos(_axis(0), _axis(0)), "b": _photos(_axis(1), _axis(1)), **_strangers(3)}
    assert all(figures.impostor_named == 0.0 for figures in measure_margins(people, none))


def test_a_larger_margin_never_accuses_more() -> None:
    random = np.random.default_rng(5)
    people = {
        f"p{number}": (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        for number in range(60)
        for vectors in [random.normal(size=8) + 0.3 * random.normal(size=(3, 8))]
    }
    figures = measure_margins(people, TABLE)
    assert [one.margin for one in figures] == list(MARGINS)
    for field in ("honest_accused", "stranger_accused", "impostor_named", "impostor_misnamed"):
        shares = [getattr(one, field) for one in figures]
        assert shares == sorted(shares, reverse=True)


def test_too_few_people_are_refused() -> None:
    with pytest.raises(ValueError, match="1 people, 1 with two photos"):
        measure_margins({"a": _photos(_axis(0), _axis(0))}, TABLE)
