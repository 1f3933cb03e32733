"""What Prometheus keeps for alerts and dashboards: shares of bad check-ins, p99 and its usual, the match rate."""

from __future__ import annotations

from typing import Final

from dev.watch.objectives import Objective, Objectives
from dev.watch.rule import Group, Recording
from dev.watch.times import Scale, duration, seconds

__all__ = ["budget_group", "objective_group", "usual_group"]

LEAST_FOR_P99: Final = 100
"""Verdicts in the window: of fewer, the slowest one alone would be the p99."""
LEAST_FACES: Final = 300
"""Face verdicts in an hour: at a match rate of .97 the noise between two such hours is 1.4 points (one sigma)."""
DAYS: Final = 7
"""Days that make up what is usual. Five of them are working days, wherever the week begins."""

_FACES: Final = 'sum by (namespace) (increase(hadir_verdicts_total{job="hadir", channel="face"}[WINDOW]))'
_NOT_MATCHED: Final = """sum by (namespace) (
  increase(
    hadir_verdict_reasons_total{job="hadir", reason=~"face_mismatch|impostor_suspected|similarity_uncertain"}[WINDOW]
  )
)"""
_P99: Final = """histogram_quantile(
  0.99,
  sum by (namespace, le) (rate(hadir_verdict_latency_seconds_bucket{job="hadir", channel="face"}[WINDOW]))
)
and
sum by (namespace) (increase(hadir_verdict_latency_seconds_count{job="hadir", channel="face"}[WINDOW])) >= LEAST"""


def objective_group(objectives: Objectives, scale: Scale) -> Group:
    """How many check-ins, how many bad ones and the burn rate, for every objective over every window."""
    rules: list[Recording] = []
    for objective in objectives.objectives:
        for span in objectives.spans:
            rules += _burn_rate(objective, span, scale)
    return Group("hadir-objectives", tuple(rules))


def budget_group(objectives: Objectives, scale: Scale) -> Group:
    """What is left of each month's budget: 1 nothing spent, 0 all, below 0 overspent. Seldom: a month is long."""
    rules = tuple(_budget_left(objective, scale) for objective in objectives.objectives)
    return Group("hadir-budgets", rules, scale.span("5m"))


def usual_group(scale: Scale) -> Group:
    """The match rate of the last hour, the p99 of the last ten minutes, and what that is on other days at this time."""
    hour, ten_minutes = scale.span("1h"), scale.span("10m")
    faces, lost = (one.replace("WINDOW", hour) for one in (_FACES, _NOT_MATCHED))
    p99 = _P99.replace("WINDOW", ten_minutes).replace("LEAST", str(LEAST_FOR_P99))
    return Group(
        "hadir-usual",
        (
            Recording("hadir:match_rate:ratio1h", f"1 - {lost} / ({faces} >= {LEAST_FACES})"),
            Recording("hadir:verdict_latency:p99_10m", p99),
            Recording("hadir:verdict_latency:usual_p99", _usual("hadir:verdict_latency:p99_10m", scale)),
        ),
    )


def _burn_rate(objective: Objective, span: str, scale: Scale) -> list[Recording]:
    """The names keep the window as it is in life, so that nobody has to know of the scale."""
    total, bad, burn = (
        f"hadir:{objective.name}:{one}{span}" for one in ("total_increase", "bad_increase", "burn_rate")
    )
    window = scale.span(span)
    return [
        Recording(total, objective.total(window)),
        Recording(bad, objective.bad(window)),
        Recording(burn, f"{bad} / ({total} > 0) / {objective.budget:g}"),
    ]


def _budget_left(objective: Objective, scale: Scale) -> Recording:
    """A ratio of two averages over the month: how often rules are evaluated cancels out."""
    month = scale.span("30d")
    bad, total = (
        f"avg_over_time(hadir:{objective.name}:{one}5m[{month}])" for one in ("bad_increase", "total_increase")
    )
    return Recording(
        f"hadir:{objective.name}:budget_left30d", f"1\n- {bad}\n  / ({total} > 0)\n  / {objective.budget:g}"
    )


def _usual(name: str, scale: Scale) -> str:
    """The median over the last days of this time of day, half an hour to either side.

    The median, since one bad morning must not make the next one look good. A day without the series (a weekend, a
    young installation) is not there and does not count.
    """
    hour, half_s = scale.span("1h"), seconds("30m")
    days = [
        f"label_replace(avg_over_time({name}[{hour}] offset "
        f'{duration((n * seconds("1d") - half_s) * scale.factor)}), "day", "{n}", "", "")'
        for n in range(1, DAYS + 1)
    ]
    return "quantile by (namespace) (\n  0.5,\n  " + "\n  or ".join(days) + "\n)"
