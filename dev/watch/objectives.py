"""`configs/objectives.toml`: what Hadir promises, and over which windows a broken promise is noticed."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from dev.watch.times import seconds
from hadir.core.errors import ConfigError

__all__ = ["OBJECTIVES", "BurnWindow", "Objective", "Objectives", "load_objectives"]

OBJECTIVES: Final = Path(__file__).resolve().parents[2] / "configs" / "objectives.toml"
_WINDOW: Final = "{{.window}}"
SEVERITIES: Final = ("page", "ticket")


@dataclass(frozen=True, slots=True)
class BurnWindow:
    """Two spans such as `5m`, and the burn rate that both must exceed; 1 spends the budget exactly within the month.

    `least_total` is the traffic floor over the long span, in check-ins.
    """

    severity: str
    long: str
    short: str
    factor: float
    least_total: int


@dataclass(frozen=True, slots=True)
class Objective:
    """`goal` is a fraction of check-ins; `alert` is told where its budget burns; `least_bad` in check-ins."""

    name: str
    alert: str
    goal: float
    what: str
    least_bad: int
    total_query: str
    bad_query: str

    @property
    def budget(self) -> float:
        """The fraction that may be bad."""
        return round(1 - self.goal, 9)

    def total(self, window: str) -> str:
        """PromQL: how many there were in the window."""
        return self.total_query.strip().replace(_WINDOW, window)

    def bad(self, window: str) -> str:
        """PromQL: how many of these were bad."""
        return self.bad_query.strip().replace(_WINDOW, window)


@dataclass(frozen=True, slots=True)
class Objectives:
    """All of the file; `runbooks` and `dashboards` are the bases of links, without a slash at the end."""

    objectives: tuple[Objective, ...]
    windows: tuple[BurnWindow, ...]
    runbooks: str
    dashboards: str

    @property
    def spans(self) -> tuple[str, ...]:
        """Every span that is looked at, the shortest first."""
        return tuple(sorted({span for one in self.windows for span in (one.long, one.short)}, key=seconds))


def load_objectives(path: Path = OBJECTIVES) -> Objectives:
    """Read the file.

    Raises:
        ConfigError: a key is missing, unknown or out of range; the message names it.
    """
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
        hours, floor_per_s = float(found.pop("traffic_hours_per_month")), float(found.pop("traffic_floor_per_s"))
        read = Objectives(
            tuple(_objective(one) for one in found.pop("objectives")),
            tuple(_window(one, hours, floor_per_s) for one in found.pop("burn")),
            found.pop("runbooks").rstrip("/"),
            found.pop("dashboards").rstrip("/"),
        )
    except KeyError as err:
        raise ConfigError(f"{path.name}: the key {err} is missing") from err
    except (OSError, tomllib.TOMLDecodeError, TypeError, ValueError, AttributeError) as err:
        raise ConfigError(f"{path.name} cannot be used: {err}") from err
    if found:
        raise ConfigError(f"{path.name}: unknown keys {', '.join(sorted(found))}")
    return read


def _objective(given: Mapping[str, Any]) -> Objective:
    objective = Objective(
        name=given["name"],
        alert=given["alert"],
        goal=float(given["goal"]),
        what=given["what"],
        least_bad=int(given["least_bad"]),
        total_query=given["total"],
        bad_query=given["bad"],
    )
    if not 0 < objective.goal < 1:
        raise ValueError(f"goal of {objective.name} is {objective.goal}, not a fraction between 0 and 1")
    return objective


def _window(given: Mapping[str, Any], hours: float, floor_per_s: float) -> BurnWindow:
    long_s = seconds(given["long"])
    if given["severity"] not in SEVERITIES:
        raise ValueError(f"severity {given['severity']!r} is not one of {', '.join(SEVERITIES)}")
    if not seconds(given["short"]) < long_s:
        raise ValueError(f"the short window {given['short']} is not shorter than {given['long']}")
    factor = round(float(given["budget_share"]) * hours * 3600 / long_s, 2)
    return BurnWindow(given["severity"], given["long"], given["short"], factor, math.ceil(floor_per_s * long_s))
