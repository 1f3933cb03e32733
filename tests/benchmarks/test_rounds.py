"""Rounds alternate, ratios are taken round by round, and a bar stands on the median."""

from __future__ import annotations

import pytest

from benchmarks._rounds import Bar, Spread, alternate, ratio


def test_sides_take_turns_in_every_round() -> None:
    calls: list[str] = []

    def side(name: str) -> dict[str, float]:
        calls.append(name)
        return {"photos_per_s": float(len(calls))}

    found = alternate({"one": lambda: side("one"), "all": lambda: side("all")}, rounds=3)
    assert calls == ["one", "all"] * 3
    assert found == {"one_photos_per_s": Spread((1.0, 3.0, 5.0)), "all_photos_per_s": Spread((2.0, 4.0, 6.0))}


def test_a_ratio_is_taken_within_each_round() -> None:
    assert ratio(Spread((8.0, 1.0, 9.0)), Spread((10.0, 10.0, 10.0))) == Spread((0.8, 0.1, 0.9))


def test_one_slow_round_does_not_fail_a_bar() -> None:
    figures = {"of_ceiling": Spread((0.9, 0.2, 0.86))}
    assert figures["of_ceiling"].median == 0.86
    assert Bar("of_ceiling", "at least", 0.85).holds(figures)


@pytest.mark.parametrize(
    ("kind", "value", "holds"),
    [
        ("at least", 300.0, True),
        ("at least", 299.9, False),
        ("at most", 300.0, True),
        ("at most", 300.1, False),
        ("below", 299.9, True),
        ("below", 300.0, False),
    ],
)
def test_a_bar_says_whether_its_limit_belongs_to_it(kind: str, value: float, holds: bool) -> None:
    bar = Bar("rss_mb", kind, 300.0)  # type: ignore[arg-type]  # the table's words are the type's
    assert bar.holds({"rss_mb": Spread((value,))}) is holds


def test_a_bar_on_a_figure_that_was_not_measured_is_an_error() -> None:
    with pytest.raises(KeyError):
        Bar("of_ceiling", "at least", 0.85).holds({})


def test_a_spread_prints_median_and_extremes() -> None:
    assert str(Spread((1.238, 0.0, 9.0))) == "1.24 (0.00–9.00)"
    assert str(Spread((1234.5,))) == "1,234 (1,234–1,234)"
