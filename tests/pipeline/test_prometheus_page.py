"""The page over HTTP: what it serves, what it refuses, and that nobody can hold it up."""

from __future__ import annotations

import http.client
import socket
import subprocess
from collections.abc import Iterator

import pytest

from dev.prometheus import missing_part, program
from hadir.core.clock import SystemClock
from hadir.core.metrics import METRICS
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.prometheus_page import MOST_AT_ONCE, Answer, MetricsPage

PATIENCE_S = 30.0


@pytest.fixture
def page() -> Iterator[MetricsPage]:
    probes = {"/livez": lambda: Answer(True, "well\n"), "/readyz": lambda: Answer(False, "[-]workers: 0 of 2\n")}
    with MetricsPage(StreamMetrics(SystemClock()), 0, probes=probes) as page:
        yield page


def ask(page: MetricsPage, path: str, method: str = "GET", body: bytes | None = None) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", page.port, timeout=PATIENCE_S)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def test_a_probe_is_200_where_all_is_well_and_503_with_what_is_missing_else(page: MetricsPage) -> None:
    assert ask(page, "/livez") == (200, "well\n")
    assert ask(page, "/readyz") == (503, "[-]workers: 0 of 2\n")


def test_metrics_are_beside_them(page: MetricsPage) -> None:
    status, text = ask(page, "/metrics")
    assert status == 200
    assert "# TYPE hadir_received_total counter" in text


def test_another_path_is_told_what_there_is(page: MetricsPage) -> None:
    assert ask(page, "/") == (404, "no such page; there are /metrics, /livez, /readyz\n")
    assert ask(page, "/metrics/../etc/passwd")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("path", ["/metrics", "/livez"])
def test_the_page_is_read_only(page: MetricsPage, method: str, path: str) -> None:
    assert ask(page, path, method, b"x" * 100)[0] == 405


def test_connections_that_say_nothing_do_not_pile_up_and_the_page_comes_back(page: MetricsPage) -> None:
    silent = [socket.create_connection(("127.0.0.1", page.port)) for _ in range(MOST_AT_ONCE)]
    try:
        with socket.create_connection(("127.0.0.1", page.port), timeout=PATIENCE_S) as beyond:
            assert beyond.recv(1) == b"", "closed at once"
    finally:
        for one in silent:
            one.close()
    until_free(page)
    assert ask(page, "/livez")[0] == 200


def until_free(page: MetricsPage) -> None:
    """The server sees the end of each silent connection on a thread of its own."""
    for _ in range(10_000):
        try:
            ask(page, "/livez")
        except (ConnectionError, http.client.HTTPException):
            continue
        return


def test_promtool_finds_no_fault_with_the_page(page: MetricsPage) -> None:
    if (missing := missing_part()) is not None:
        pytest.skip(missing)
    text = ask(page, "/metrics")[1]
    assert faults_in(text) == ""
    assert "counter metrics should have" in faults_in("# HELP seen_s Seen.\n# TYPE seen_s counter\nseen_s 1\n")


def faults_in(page: str) -> str:
    """What `promtool check metrics` says."""
    promtool = program("promtool")
    assert promtool is not None
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_every_metric_that_needs_nobody_else_is_there_from_the_start(page: MetricsPage) -> None:
    text = ask(page, "/metrics")[1]
    later = {
        "hadir_outbox_unpublished", "hadir_pool_workers", "hadir_pool_replacements_total", "hadir_pool_retries_total",
        "hadir_model_info",
    }  # fmt: skip
    assert {name for name in METRICS if f"# TYPE {name} " not in text} == later
