"""One small HTTP server: the page that Prometheus scrapes, and beside it the answers that probes want."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from socket import AF_INET6, socket
from socketserver import ThreadingMixIn
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from hadir.core.errors import SetupError
from hadir.pipeline.prometheus import StreamMetrics

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIEnvironment

__all__ = ["Answer", "MetricsPage", "Probes"]

METRICS_PATH = "/metrics"
MOST_AT_ONCE = 32
"""Connections; beyond that they are closed. A probe and a scrape every few seconds are a handful."""
CONNECTION_S = 10.0
"""Who says nothing for so long is let go."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To a probe: 200 where it is `good`, else 503, and `text` for whoever reads it."""

    good: bool
    text: str


Probes = Mapping[str, Callable[[], Answer]]
"""Path to what answers it, from any thread and at once."""


class MetricsPage:
    """`/metrics` and the probes' paths on a port, for GET alone. On loopback unless told otherwise: the page tells how
    many check in, and when."""

    def __init__(
        self, metrics: StreamMetrics, port: int, host: str = "127.0.0.1", probes: Probes | None = None
    ) -> None:
        """Serve from now on; port 0 takes a free one. Raises SetupError where the port is taken."""
        server = _Server6 if ":" in host else _Server
        try:
            self._server = make_server(host, port, _Pages(metrics, probes or {}), server, _Handler)
        except OSError as err:
            raise SetupError(f"metrics port {host}:{port} is not free ({err.strerror}): name another") from err
        self.port = int(self._server.server_port)
        self._thread = threading.Thread(target=self._server.serve_forever, name="hadir-metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Pages:
    """The WSGI application."""

    def __init__(self, metrics: StreamMetrics, probes: Probes) -> None:
        self._metrics, self._probes = make_wsgi_app(metrics.registry), probes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path != METRICS_PATH and path not in self._probes:
            known = ", ".join((METRICS_PATH, *self._probes))
            return _plain(start_response, HTTPStatus.NOT_FOUND, f"no such page; there are {known}\n")
        if environ["REQUEST_METHOD"] != "GET":
            return _plain(start_response, HTTPStatus.METHOD_NOT_ALLOWED, "this page is read only: GET\n")
        if path == METRICS_PATH:
            page: Iterable[bytes] = self._metrics(environ, start_response)
            return page
        answer = self._probes[path]()
        status = HTTPStatus.OK if answer.good else HTTPStatus.SERVICE_UNAVAILABLE
        return _plain(start_response, status, answer.text)


def _plain(start_response: StartResponse, status: HTTPStatus, text: str) -> Iterable[bytes]:
    body = text.encode()
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(body)))]
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers.append(("Allow", "GET"))
    start_response(f"{status.value} {status.phrase}", [*headers, ("Cache-Control", "no-store")])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    """A thread for each connection, and no more than there may be."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._free = threading.BoundedSemaphore(MOST_AT_ONCE)
        super().__init__(*arguments, **named)

    def process_request(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: Any) -> None:
        """A client that broke off is nobody's trouble."""


class _Server6(_Server):
    address_family = AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = CONNECTION_S

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Scrapes and probes are not events."""
