"""One look at a member's pages: what is read, and what another side may send instead."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hadir.app.metrics_reading import MOST_BYTES, page_address, read_member
from hadir.core.clock import SystemClock
from hadir.core.errors import InputError
from hadir.core.metrics import MetricName
from hadir.pipeline.observer import Served
from hadir.pipeline.prometheus import StreamMetrics
from hadir.pipeline.prometheus_page import MetricsPage


@contextmanager
def answering(answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[str]:
    """A page of our own on loopback; its address."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def say(status: int, text: str) -> Callable[[BaseHTTPRequestHandler], None]:
    def answer(page: BaseHTTPRequestHandler) -> None:
        page.send_response(status)
        page.end_headers()
        page.wfile.write(text.encode())

    return answer


def test_a_member_of_hadir_is_read() -> None:
    metrics = StreamMetrics(SystemClock())
    metrics.on_received(7)
    metrics.on_serving(Served("s-1", "space", "open", "Apache-2.0"))
    with MetricsPage(metrics, 0) as page:
        found = read_member(f"http://127.0.0.1:{page.port}")
    assert found.error == ""
    assert found.total(MetricName.RECEIVED) == 7
    assert found.told(MetricName.SNAPSHOT_INFO)["snapshot"] == "s-1"


def test_a_page_that_is_not_there_is_said_and_ends_nothing() -> None:
    with answering(say(200, "")) as address:
        pass
    assert "does not answer" in read_member(address).error


@pytest.mark.parametrize("status", [302, 403, 500])
def test_another_status_is_said(status: int) -> None:
    with answering(say(status, "")) as address:
        assert f"answers {status}" in read_member(address).error


def test_another_page_is_said() -> None:
    with answering(say(200, "<html>this { is no metric</html>\n")) as address:
        assert "is no metrics page" in read_member(address).error


def test_a_page_without_an_end_is_left() -> None:
    def endless(page: BaseHTTPRequestHandler) -> None:
        page.send_response(200)
        page.end_headers()
        for _ in range(4 * MOST_BYTES // 65_536):
            page.wfile.write(b"#" * 65_536)

    def answer(page: BaseHTTPRequestHandler) -> None:
        try:
            endless(page)
        except OSError:
            return

    with answering(answer) as address:
        assert "more than" in read_member(address).error


def test_what_readiness_lacks_is_told() -> None:
    def answer(page: BaseHTTPRequestHandler) -> None:
        say(200, "# TYPE a gauge\na 1\n")(page) if page.path == "/metrics" else say(503, "workers: 1 of 2\n")(page)

    with answering(answer) as address:
        found = read_member(address)
    assert (found.ready, found.lacks) == (False, "workers: 1 of 2")


@pytest.mark.parametrize("written", ["127.0.0.1:9464", "http://127.0.0.1:9464", "http://127.0.0.1:9464/metrics"])
def test_an_address_is_taken_as_people_write_it(written: str) -> None:
    assert page_address(written) == "http://127.0.0.1:9464"


@pytest.mark.parametrize(
    "written", ["", "9464", "host", "host:port", "ftp://host:1", "http://user:pass@host:1", "host:70000"]
)
def test_what_is_no_address_is_refused(written: str) -> None:
    with pytest.raises(InputError, match="metrics page"):
        page_address(written)
