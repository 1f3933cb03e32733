"""Values in words, by Grafana's unit ids: what a picture writes where Grafana would."""

from __future__ import annotations

import math
from typing import Final

__all__ = ["in_words"]

_SUFFIX: Final = "suffix:"
_TIMES: Final = ((604_800.0, "weeks"), (86_400.0, "days"), (3_600.0, "h"), (60.0, "min"), (1.0, "s"))
_BYTES: Final = ((2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB"))


def in_words(value: float, unit: str, decimals: int | None = None) -> str:
    """`decimals` None: as many as three digits need. Not a number is a dash."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else "∞"
    if unit.startswith(_SUFFIX):
        return f"{_number(value, decimals)} {unit.removeprefix(_SUFFIX).strip()}"
    if unit == "percentunit":
        return f"{_number(value * 100, decimals)} %"
    if unit == "s":
        return _time(value, decimals)
    if unit == "bytes":
        return _largest(value, _BYTES, "B", decimals)
    if unit == "reqps":
        return f"{_number(value, decimals)}/s"
    return _number(value, decimals)


def _time(value: float, decimals: int | None) -> str:
    if 0 < abs(value) < 1:
        return f"{_number(value * 1000, None)} ms"
    return _largest(value, _TIMES, "s", decimals)


def _largest(value: float, units: tuple[tuple[float, str], ...], smallest: str, decimals: int | None) -> str:
    for size, name in units:
        if abs(value) >= size:
            return f"{_number(value / size, decimals)} {name}"
    return f"{_number(value, decimals)} {smallest}"


def _number(value: float, decimals: int | None) -> str:
    if decimals is None:
        places = 0 if value == 0 else 2 - math.floor(math.log10(abs(value)))
        decimals = min(max(places, 0), 6)
        text = f"{value:,.{decimals}f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return f"{value:,.{decimals}f}"
