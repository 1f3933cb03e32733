"""Scraping, rules and dashboards: the files reach the cluster unchanged, but for their addresses."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from dev.chart.values_file import CHART
from tests.helm.rendering import Document, rendered

RULES = CHART / "files" / "rules.yaml"
DASHBOARDS = sorted((CHART / "files" / "dashboards").glob("*.json"))


def _monitoring(**values: Any) -> list[Document]:
    return rendered({"monitoring": values})


@pytest.mark.parametrize(("kind", "value"), [("PodMonitor", "podMonitor"), ("ServiceMonitor", "serviceMonitor")])
def test_whoever_scrapes_calls_the_job_hadir(kind: str, value: str) -> None:
    documents = _monitoring(**{value: {"enabled": True, "additionalLabels": {"release": "prometheus"}}})
    [monitor] = [one for one in documents if one["kind"] == kind]
    [end] = monitor["spec"].get("podMetricsEndpoints") or monitor["spec"]["endpoints"]
    assert end["relabelings"][0] == {"action": "replace", "targetLabel": "job", "replacement": "hadir"}
    assert (end["path"], end["port"], end["interval"]) == ("/metrics", "metrics", "15s")
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_nothing_of_an_operator_is_made_unasked() -> None:
    kinds = {one["kind"] for one in rendered({})}
    assert not kinds & {"PodMonitor", "ServiceMonitor", "PrometheusRule", "KafkaTopic", "KafkaUser", "ScaledObject"}


@pytest.mark.skipif(not RULES.is_file(), reason="there are no rules yet")
def test_the_rules_reach_prometheus_with_addresses_of_ones_own() -> None:
    asked = {
        "enabled": True,
        "runbookBaseUrl": "https://wiki.example/hadir/",
        "dashboardBaseUrl": "https://g.example/d",
    }
    [rule] = [one for one in _monitoring(prometheusRule=asked) if one["kind"] == "PrometheusRule"]
    text = RULES.read_text("utf-8").replace("https://hadir.example/docs/runbooks", "https://wiki.example/hadir")
    assert rule["spec"] == yaml.safe_load(text.replace("https://grafana.example/d", "https://g.example/d"))
    assert "https://hadir.example" not in json.dumps(rule)


@pytest.mark.skipif(not DASHBOARDS, reason="there are no dashboards yet")
def test_each_dashboard_is_a_configmap_that_grafanas_sidecar_finds() -> None:
    found = [one for one in _monitoring(dashboards={"enabled": True}) if "dashboard" in one["metadata"]["name"]]
    assert len(found) == len(DASHBOARDS)
    shipped = {path.name: json.loads(path.read_text("utf-8")) for path in DASHBOARDS}
    for config in found:
        [(name, text)] = config["data"].items()
        wanted = json.dumps(shipped[name])
        assert json.loads(text).keys() == json.loads(wanted).keys()
        assert json.loads(text)["uid"] == shipped[name]["uid"]
        assert config["metadata"]["labels"]["grafana_dashboard"] == "1"
        assert config["metadata"]["annotations"]["grafana_folder"] == "Hadir"
        assert len(text.encode()) < 1 << 20


def test_the_metrics_port_is_open_to_prometheus_alone() -> None:
    documents = rendered({"monitoring": {"port": 9999}})
    [policy] = [
        one for one in documents if one["kind"] == "NetworkPolicy" and one["metadata"]["name"] == "hadir-metrics"
    ]
    [rule] = policy["spec"]["ingress"]
    assert rule["ports"] == [{"protocol": "TCP", "port": 9999}]
    assert rule["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


def test_whoever_names_nobody_who_may_scrape_lets_nobody_in() -> None:
    names = {one["metadata"]["name"] for one in rendered({"networkPolicy": {"prometheusFrom": []}})}
    assert "hadir-deny" in names
    assert "hadir-metrics" not in names
