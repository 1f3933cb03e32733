"""The rules that ship are those that the code writes, name only what exists, and say what somebody should do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dev.prometheus import check_with_promtool, missing_part
from dev.watch.objectives import OBJECTIVES, load_objectives
from dev.watch.promql import named_in
from dev.watch.rule import Alerting
from dev.watch.rules import alerts, recordings, rule_groups, rules_text
from dev.watch.times import Scale, duration, seconds
from hadir.core.errors import ConfigError
from hadir.core.metrics import METRICS, MetricName

ROOT = Path(__file__).resolve().parents[2]
RULES = ROOT / "helm" / "hadir" / "files" / "rules.yaml"
EXPRESSIONS = [rule.expr for group in rule_groups() for rule in group.rules]
PLACES = {"namespace", "instance", "job"}
"""Labels that a scrape adds."""
MADE_HERE = {"day"}
SUFFIXES = {"histogram": ("_bucket", "_count", "_sum")}


def samples() -> dict[str, set[str]]:
    """Every sample's name on a page, with its labels."""
    found = {"up": set[str]()}
    for name, metric in METRICS.items():
        names = [f"{name}{suffix}" for suffix in SUFFIXES.get(metric.kind, ("",))]
        found |= {one: {*metric.labels, *(["le"] if one.endswith("_bucket") else [])} for one in names}
    return found


def test_what_ships_is_what_the_code_writes() -> None:
    assert RULES.read_text(encoding="utf-8") == rules_text(), "make watch writes it anew"


@pytest.mark.skipif(missing_part() is not None, reason=missing_part() or "")
@pytest.mark.parametrize("factor", [1, 1 / 60])
def test_promtool_finds_no_fault_at_any_scale(factor: float, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(rules_text(scale=Scale(factor)), encoding="utf-8")
    check_with_promtool("check", "rules", "--lint=all", "--lint-fatal", path)


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_a_rule_names_only_metrics_and_labels_that_exist(expr: str) -> None:
    known = samples() | {recording.name: set() for recording in recordings()}
    named = named_in(expr)
    assert set(named.metrics) - set(known) == set()
    for metric, labels in named.metrics.items():
        assert labels - known[metric] - PLACES == set(), metric
    all_labels = set().union(*(known[metric] for metric in named.metrics))
    assert named.grouped - all_labels - PLACES - MADE_HERE == set()


@pytest.mark.parametrize("expr", EXPRESSIONS)
def test_a_rule_looks_at_hadirs_job_alone(expr: str) -> None:
    raw = [name for name in named_in(expr).metrics if not name.startswith("hadir:")]
    assert expr.count('job="hadir"') >= len(raw)


def test_the_objective_of_two_seconds_is_an_edge_of_the_histogram() -> None:
    (latency,) = (one for one in load_objectives().objectives if one.name == "verdict_latency")
    edges = re.findall(r'le="([\d.]+)"', latency.bad("5m"))
    assert [float(edge) for edge in edges] == [2.0]
    assert 2.0 in METRICS[MetricName.VERDICT_LATENCY].edges


def test_recordings_have_names_of_one_form_and_are_recorded_once() -> None:
    names = [recording.name for recording in recordings()]
    assert len(set(names)) == len(names)
    assert [name for name in names if not re.fullmatch(r"hadir:[a-z_]+:[a-z0-9_]+", name)] == []


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: f"{alert.name}-{alert.severity}-{alert.cause}")
def test_an_alert_says_who_is_called_and_what_for(alert: Alerting) -> None:
    assert alert.severity in {"page", "ticket"}
    assert alert.summary
    assert alert.description.endswith(".")
    assert alert.dashboard in {"hadir-surge", "hadir-latency", "hadir-index"}


def test_two_rules_of_one_alert_never_share_all_labels() -> None:
    labels = [(one.name, one.severity, one.cause) for one in alerts()]
    assert len(set(labels)) == len(labels)


def test_burn_rates_spend_the_share_of_the_budget_that_they_name() -> None:
    """Of 66 traffic hours, not of 720."""
    spent = {(one.severity, one.long): one.factor * seconds(one.long) / 3600 / 66 for one in load_objectives().windows}
    assert spent == {
        ("page", "5m"): pytest.approx(0.0182, abs=1e-4),
        ("page", "30m"): pytest.approx(0.02, abs=1e-4),
        ("ticket", "3h"): pytest.approx(0.10, abs=1e-4),
    }


def test_the_scale_shrinks_time_and_nothing_else() -> None:
    fast = Scale(1 / 60)
    assert (fast.span("1h"), fast.span("30m"), fast.span("2m"), fast.span("90s")) == ("1m", "30s", "2s", "1s500ms")
    assert (fast.age(300), fast.age(60), Scale().age(60)) == ("5", "3", "60")
    life, quick = rules_text(), rules_text(scale=fast)
    assert re.findall(r">= \d+", life) == re.findall(r">= \d+", quick)


@pytest.mark.parametrize(("span_s", "written"), [(84_600, "23h30m"), (90, "1m30s"), (604_800, "1w"), (0.25, "250ms")])
def test_spans_are_written_as_prometheus_reads_them(span_s: float, written: str) -> None:
    assert duration(span_s) == written


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("goal = 0.99\n", "goal = 99\n"), "not a fraction"),
        (('severity = "ticket"', 'severity = "mail"'), "mail"),
        (('long = "30m"', 'long = "half an hour"'), "half an hour"),
        (("traffic_floor_per_s = 0.2", "traffic_flor_per_s = 0.2"), "traffic_floor_per_s"),
        (("traffic_floor_per_s = 0.2", "traffic_floor_per_s = 0.2\ncolour = 1"), "colour"),
    ],
)
def test_objectives_that_cannot_be_used_are_refused_by_name(change: tuple[str, str], says: str, tmp_path: Path) -> None:
    path = tmp_path / "objectives.toml"
    path.write_text(OBJECTIVES.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=says):
        load_objectives(path)
