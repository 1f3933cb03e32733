"""Names are read off expressions as Prometheus would read them."""

from __future__ import annotations

import pytest

from dev.watch.promql import named_in


@pytest.mark.parametrize(
    ("expr", "metrics"),
    [
        ("up", {"up": set()}),
        ('sum(rate(a_total{job="$job", x!="1"}[5m] offset 1w)) * 60', {"a_total": {"job", "x"}}),
        ("sum by (le, stage) (rate(a_bucket[$__rate_interval]))", {"a_bucket": set()}),
        ("a:b:rate5m / on (job) group_left () (c > bool 1e-3)", {"a:b:rate5m": set(), "c": set()}),
        ("max without (week) (a or b unless c and on() vector(0))", {"a": set(), "b": set(), "c": set()}),
        ('a{reason=~"x|y{1,2}",code!~"z"} + a{job="j"}', {"a": {"reason", "code", "job"}}),
        ("time() - min(a) > 1.5e+3", {"a": set()}),
        ("histogram_quantile(0.99, sum(rate(a_bucket[1h:30s])) by (le))", {"a_bucket": set()}),
    ],
)
def test_metrics_are_found_with_the_labels_of_their_selectors(expr: str, metrics: dict[str, set[str]]) -> None:
    assert named_in(expr).metrics == metrics


def test_labels_of_groupings_are_told_apart() -> None:
    named = named_in("sum by (le, stage) (a) / on (job) group_left (version) b")
    assert named.grouped == {"le", "stage", "job", "version"}
