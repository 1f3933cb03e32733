"""The real Prometheus of the tests: what it scrapes, what it was given as its past, and what it says of bad queries."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, Gauge, start_http_server

from dev.prometheus import check_with_promtool, missing_part, running_prometheus, scrape_config
from hadir.core.errors import InputError

pytestmark = pytest.mark.skipif(missing_part() is not None, reason=missing_part() or "")

HOUR_S = 3600


@pytest.fixture
def member() -> Iterator[str]:
    """Something to scrape."""
    registry = CollectorRegistry()
    Gauge("answer", "The answer.", registry=registry).set(42)
    server, thread = start_http_server(0, "127.0.0.1", registry=registry)
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_it_scrapes_evaluates_rules_and_tells_which_alerts_fire(member: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "groups: [{name: g, rules: [{record: 'half', expr: answer / 2}, {alert: Full, expr: half == 21, "
        "annotations: {summary: all of it}}]}]"
    )
    config = scrape_config({"hadir": [member]}, rules=[rules], every_s=0.1)
    with running_prometheus(tmp_path / "prometheus", config) as prometheus:
        until_s, pause = time.monotonic() + 30, threading.Event()
        while not (alerts := prometheus.alerts()) and time.monotonic() < until_s:
            pause.wait(0.05)
        assert [(alert.name, alert.state, alert.annotations["summary"]) for alert in alerts] == [
            ("Full", "firing", "all of it")
        ]
        assert [sample.value for sample in prometheus.instant("half")] == [21.0]
        assert prometheus.instant("1 + 1")[0].value == 2.0
        assert prometheus.up() == 1
        assert {rule["name"] for rule in prometheus.rules()} == {"half", "Full"}


def test_what_was_backfilled_is_its_past(tmp_path: Path) -> None:
    began_s = int(time.time()) - 26 * HOUR_S
    lines = ["# TYPE people gauge", *(f"people {n} {began_s + n * HOUR_S}" for n in range(5)), "# EOF"]
    with running_prometheus(tmp_path, scrape_config({}), past=lines) as prometheus:
        (series,) = prometheus.range("people", began_s, began_s + 4 * HOUR_S, HOUR_S)
        assert [value for _, value in series.points] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_query_that_is_none_is_refused_by_its_own_words(tmp_path: Path) -> None:
    with running_prometheus(tmp_path, scrape_config({})) as prometheus, pytest.raises(InputError, match="parse error"):
        prometheus.instant("sum(")


def test_it_ends_exactly_its_own_server(tmp_path: Path) -> None:
    with running_prometheus(tmp_path, scrape_config({})) as prometheus:
        pid = prometheus.pid
        assert Path(f"/proc/{pid}").exists()
    assert prometheus.pid == 0
    assert not Path(f"/proc/{pid}").exists()


def test_promtool_says_what_is_wrong_with_rules(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("groups: [{name: g, rules: [{record: 'x', expr: 'sum('}]}]")
    with pytest.raises(InputError, match="parse error"):
        check_with_promtool("check", "rules", rules)
