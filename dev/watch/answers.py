"""A panel's queries asked of a real Prometheus, with what Grafana would put in place of its variables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from dev.prometheus import Prometheus, Series
from dev.watch.panels import Kind, Panel, Query

__all__ = ["Asking", "answer", "asked"]

_WINDOW: Final = re.compile(r"\[(\d+)([smhd])\]")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Asking:
    """From when to when, seconds since 1970, and how finely. `course_s` stands for `$__rate_interval`.

    Windows of queries are multiplied by `scale`, never below `course_s`: a morning of minutes then looks as one of
    hours does. Offsets of weeks stay.
    """

    start_s: float
    end_s: float
    step_s: float = 1.0
    course_s: int = 5
    scale: float = 1.0
    job: str = "hadir"
    instance: str = ".*"
    namespace: str = ".*"


def asked(query: Query, asking: Asking) -> str:
    """PromQL as Grafana would send it."""
    span = f"{max(1, round(asking.end_s - asking.start_s))}s"
    named = {"$job": asking.job, "$instance": asking.instance, "$namespace": asking.namespace, "$__range": span}
    expr = _WINDOW.sub(lambda found: f"[{_scaled(found, asking)}s]", query.expr)
    expr = expr.replace("$__rate_interval", f"{asking.course_s}s")
    for name, value in named.items():
        expr = expr.replace(name, value)
    return expr


def answer(server: Prometheus, panel: Panel, query: Query, asking: Asking) -> list[Series]:
    """What the panel would show: a course over the time asked for, or its end alone.

    Raises:
        InputError: Prometheus refuses the expression.
    """
    expr = asked(query, asking)
    if panel.still or panel.kind in {Kind.BARS, Kind.TABLE}:
        return [Series(one.labels, ((one.at_s, one.value),)) for one in server.instant(expr, asking.end_s)]
    return server.range(expr, asking.start_s, asking.end_s, asking.step_s)


def _scaled(found: re.Match[str], asking: Asking) -> int:
    seconds = int(found[1]) * _SECONDS[found[2]]
    return max(asking.course_s, round(seconds * asking.scale))
