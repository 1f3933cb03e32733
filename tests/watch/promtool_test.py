"""Unit tests of rules as promtool runs them: series in, alerts that fire at given minutes out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dev.prometheus import check_with_promtool
from tests.watch.simulated import Morning

__all__ = ["Expected", "run_promtool"]

FIRING = 'group by (alertname, severity) (ALERTS{alertstate="firing"})'


@dataclass(frozen=True, slots=True)
class Expected:
    """Exactly these `Alert/severity` fire at these minutes, and nothing has fired until `silent_until`."""

    firing: Mapping[float, Sequence[str]] = field(default_factory=dict)
    silent_until: float = 0.0


def run_promtool(folder: Path, rules: Path, morning: Morning, expected: Expected) -> None:
    """Raises InputError with promtool's account where other alerts fire than expected."""
    checks = [_check(FIRING, minute, alerts) for minute, alerts in expected.firing.items()]
    if expected.silent_until:
        ever = f'group by (alertname) (max_over_time(ALERTS{{alertstate="firing"}}[{expected.silent_until:g}m]))'
        checks.append(_check(ever, expected.silent_until, ()))
    test = {
        "interval": f"{morning.step_s}s",
        "input_series": [
            {"series": name, "values": " ".join(map(_value, points))} for name, points in morning.series.items()
        ],
        "promql_expr_test": checks,
    }
    path = folder / "rules-test.yaml"
    whole = {"rule_files": [str(rules)], "evaluation_interval": f"{morning.step_s}s", "tests": [test]}
    path.write_text(json.dumps(whole), encoding="utf-8")
    check_with_promtool("test", "rules", path)


def _check(expr: str, minute: float, alerts: Sequence[str]) -> dict[str, Any]:
    named = [alert.split("/") for alert in alerts]
    samples = [{"labels": f'{{alertname="{name}", severity="{severity}"}}', "value": 1} for name, severity in named]
    return {"expr": expr, "eval_time": f"{round(minute * 60)}s", "exp_samples": samples}


def _value(value: float | None) -> str:
    # `stale` and not `_`: what a scrape does not find any more ends at once.
    return "stale" if value is None else f"{value:.12g}"
