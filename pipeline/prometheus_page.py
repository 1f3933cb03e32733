"""The page that Prometheus scrapes."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from prometheus_client import start_http_server

from hadir.core.errors import SetupError
from hadir.pipeline.prometheus import StreamMetrics

__all__ = ["MetricsPage"]


class MetricsPage:
    """`/metrics` on a port. On loopback unless told otherwise: the page tells how many check in, and when."""

    def __init__(self, metrics: StreamMetrics, port: int, host: str = "127.0.0.1") -> None:
        """Serve from now on; port 0 takes a free one. Raises SetupError where the port is taken."""
        try:
            self._server, self._thread = start_http_server(port, host, registry=metrics.registry)
        except OSError as err:
            raise SetupError(f"metrics port {host}:{port} is not free ({err.strerror}): name another") from err
        self.port = int(self._server.server_port)

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
