"""Pictures write values as Grafana would."""

from __future__ import annotations

import math

import pytest

from dev.watch.unit_words import in_words


@pytest.mark.parametrize(
    ("value", "unit", "decimals", "words"),
    [
        (0.0123, "s", None, "12.3 ms"),
        (1.25, "s", 2, "1.25 s"),
        (259_200, "s", None, "3 days"),
        (0.999, "percentunit", 1, "99.9 %"),
        (13_000, "locale", 0, "13,000"),
        (0, "none", None, "0"),
        (550e6, "bytes", None, "525 MiB"),
        (48.2, "suffix: /menit", 0, "48 /menit"),
        (2.5, "reqps", None, "2.5/s"),
        (math.nan, "s", None, "–"),
    ],
)
def test_a_value_is_told_with_its_unit(value: float, unit: str, decimals: int | None, words: str) -> None:
    assert in_words(value, unit, decimals) == words
