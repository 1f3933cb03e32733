"""Alerts on the promises: a month's budget of bad check-ins is being spent too fast."""

from __future__ import annotations

from dev.watch.objectives import SEVERITIES, BurnWindow, Objective, Objectives
from dev.watch.rule import Alerting, Group

__all__ = ["burn_alerts"]


def burn_alerts(objectives: Objectives) -> Group:
    """For every objective one that pages and one that makes a ticket."""
    return Group(
        "hadir-burn-alerts",
        tuple(_alert(one, objectives, severity) for one in objectives.objectives for severity in SEVERITIES),
    )


def _alert(objective: Objective, objectives: Objectives, severity: str) -> Alerting:
    windows = [window for window in objectives.windows if window.severity == severity]
    return Alerting(
        name=objective.alert,
        severity=severity,
        expr="\nor\n".join(_burning(objective, window) for window in windows),
        # The short window is what makes sure that it still goes on.
        held="0s",
        summary=f"Too many {objective.what}",
        description=(
            f"{{{{ $value | printf `%.1f` }}}} times as many {objective.what} as the objective allows, which is "
            f"{objective.budget:.1%} of a month's."
        ),
        dashboard="hadir-latency",
    )


def _burning(objective: Objective, window: BurnWindow) -> str:
    """The floors stand for the night: a share of few check-ins says nothing."""
    series = f"hadir:{objective.name}"
    return (
        f"(\n  {series}:burn_rate{window.long} > {window.factor:g}\n"
        f"  and {series}:burn_rate{window.short} > {window.factor:g}\n"
        f"  and {series}:total_increase{window.long} >= {window.least_total}\n"
        f"  and {series}:bad_increase{window.long} >= {objective.least_bad}\n)"
    )
