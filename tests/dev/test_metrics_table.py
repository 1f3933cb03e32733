"""Every metric in code is documented, and every documented one exists."""

from __future__ import annotations

import re

import pytest
from prometheus_client import generate_latest

from dev.metrics_table import PAGE, with_tables
from hadir.core.clock import SystemClock
from hadir.core.metrics import METRICS, PROCESS_METRICS, MetricName
from hadir.pipeline.prometheus import StreamMetrics

SUFFIXES = ("_bucket", "_count", "_sum")


def documented() -> set[str]:
    return set(re.findall(r"`((?:hadir|process)_\w+)(?:`|\{)", PAGE.read_text(encoding="utf-8")))


def test_the_page_is_as_the_code_says() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "write it anew: python -m dev.metrics_table"


def test_every_metric_is_documented_and_every_documented_one_exists() -> None:
    assert {name.value for name in MetricName} == {name.value for name in METRICS}
    known = {*METRICS, *PROCESS_METRICS}
    assert documented() == known


def test_the_process_has_the_numbers_that_are_named() -> None:
    page = generate_latest(StreamMetrics(SystemClock()).registry).decode()
    assert set(re.findall(r"^# TYPE (process_\w+)", page, re.MULTILINE)) == set(PROCESS_METRICS)


def test_names_end_as_prometheus_wants() -> None:
    for name, metric in METRICS.items():
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert name.endswith("_info") == (metric.kind == "info"), name
        assert not name.endswith(SUFFIXES), name
        if metric.unit == "seconds":
            assert name.removesuffix("_total").endswith("_seconds"), name
        if metric.unit == "seconds since 1970":
            assert name.endswith("_timestamp_seconds"), name
        assert bool(metric.edges) == (metric.kind == "histogram"), name
        assert list(metric.edges) == sorted(set(metric.edges)), name


def test_an_edge_lies_exactly_on_the_objective_of_two_seconds() -> None:
    assert 2.0 in METRICS[MetricName.VERDICT_LATENCY].edges


def test_a_page_without_a_place_for_the_tables_is_refused() -> None:
    with pytest.raises(ValueError, match="put both where the tables belong"):
        with_tables("# Metrics\n")
